"""What is said of a rollout from outside: a verdict by anyone who may, and an alert by the metrics-analyzer's webhook.

Rollout and check are tokens of a verdict's subject, which its signature covers (`signing`). The metrics-analyzer reads
both as far as an order's analysis waits for them; nobody else does.
"""

from typing import Literal

import msgspec

from tidegate_contracts.outside import VerdictWord


class VerdictGiven(msgspec.Struct, frozen=True, kw_only=True, tag="verdict.given.v1"):
    """Somebody's verdict on a step, or on the whole rollout, for a check that an analysis waits for by its name."""

    verdict: VerdictWord
    reason: str
    """One readable line, for the evidence."""
    step: int | None = None
    """None: whatever step waits for it."""
    by: str = ""
    """Who says it, for the record; permissions come from the subject, and proof from a signature."""
    issued_at_s: float | None = None
    """When it was found, in epoch seconds; None: when the bus stored it. A signed verdict has to say it."""
    link: str = ""
    """Where more stands, such as a test report's address."""
    figures: dict[str, float] = {}
    """Numbers behind it, by their names."""


class AlertNotified(msgspec.Struct, frozen=True, kw_only=True, tag="alert.notified.v1"):
    """One alert of a namespace as an Alertmanager notified of it, once for each time that it fires or is resolved."""

    alert: str
    fingerprint: str
    """Alertmanager's name for this set of labels."""
    status: Literal["firing", "resolved"]
    starts_at_s: float
    ends_at_s: float | None = None
    """When it was resolved."""
    labels: dict[str, str] = {}
    summary: str = ""
    link: str = ""

"""What an analysis waits for from outside, and what its evidence tells of it: data of `rollout` and `facts`.

A verdict is said by somebody on the bus, an alert by an Alertmanager; `verdicts` has their messages. `validate_outside`
says what is wrong with a wish, and the metrics-analyzer judges by what was said.
"""

from typing import Literal

import msgspec

VerdictWord = Literal["pass", "fail", "inconclusive"]


class AwaitedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that somebody outside gives on the rollout, under this name: without a pass the step doesn't pass.

    In the background only what is bad counts, and silence doesn't.
    """

    name: str
    """A token of the subject that the verdict is published to, so that the bus can say who may."""
    signed_by: tuple[str, ...] = ()
    """Names of keys, mounted into the analyzer for the namespace; the verdict counts only with one's signature. None:
    whoever may publish it is believed."""
    within_s: float | None = None
    """Seconds after which silence is inconclusive; None: as long as the step's analysis may take."""


class AlertWatch(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of the rollout's namespace that fail it as soon as one fires. That none does passes nothing by itself."""

    name: str
    labels: dict[str, str | tuple[str, ...]]
    """What an alert must carry to concern the rollout: each label with this value, or with one of these.
    `{{namespace}}`, `{{workload}}`, `{{revision}}`, `{{stable_revision}}` and `{{rollout}}` stand for its own."""
    look_back_s: float = 600.0
    """An alert that fires still, and began no longer than this before the analysis, counts. An older one is what the
    rollout was begun with."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The message from outside that decided."""

    id: str
    """The message's own id."""
    at_s: float
    """When it was issued, or when the alert began to fire, in epoch seconds by the teller's clock."""
    by: str = ""
    """As it calls itself; `key` is who it was."""
    key: str = ""
    """The key that its signature was made with; empty: it was not signed."""
    reason: str = ""
    link: str = ""
    figures: dict[str, float] = {}
    labels: dict[str, str] = {}
    """Of an alert: those by which it concerns the rollout, and its name."""

"""An Alertmanager's notification, version 4 of its webhook, as our alerts. Pure; called by `alert_webhook`.

Its groups, receivers and templates say how people are told, and are of no interest here: each alert of a notification
stands for itself. Which rollouts it concerns is said by their analyses: only its namespace is looked at here.
"""

import datetime as dt
from typing import Final, Literal, NamedTuple

import msgspec

from tidegate_contracts import limits, names
from tidegate_contracts.codec import encode
from tidegate_contracts.problem import printable
from tidegate_contracts.verdicts import AlertNotified

VERSION: Final = "4"
ALERTS_MAX: Final = 1000
FINGERPRINT_LENGTH_MAX: Final = 128
SUMMARIES: Final = ("summary", "description", "message")
"""Annotations in which an alert's sentence for people stands, the first that is given."""

NAME: Final = "alertname"


class NotUnderstood(ValueError):  # noqa: N818 - as it reads where it is caught
    """No notification of this version; the sender is told why."""


class Notified(NamedTuple):
    namespace: str
    alert: AlertNotified


class Sorted(NamedTuple):
    taken: tuple[Notified, ...]
    left_out: tuple[str, ...]
    """Why, of each alert that is left out."""


class _Alert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: dt.datetime
    ends_at: dt.datetime | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")
    fingerprint: str


class _Notification(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    alerts: tuple[_Alert, ...]


_DECODER: Final = msgspec.json.Decoder(_Notification)


def read(body: bytes, namespace_label: str) -> Sorted:
    """Raises `NotUnderstood`."""
    try:
        notification = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstood(printable(f"this is no notification of an Alertmanager: {error}")) from error
    if notification.version != VERSION:
        raise NotUnderstood(printable(f"version {notification.version!r} is not {VERSION}, the only one known"))
    if len(notification.alerts) > ALERTS_MAX:
        raise NotUnderstood(f"{len(notification.alerts)} alerts at once are more than {ALERTS_MAX}: set max_alerts")
    taken: list[Notified] = []
    left_out: list[str] = []
    for alert in notification.alerts:
        said = _said(alert)
        fault = _fault(alert, namespace_label, len(encode(said)))
        if fault is None:
            taken.append(Notified(alert.labels[namespace_label], said))
        else:
            left_out.append(printable(f"{alert.labels.get(NAME, 'an alert')}: {fault}"))
    return Sorted(tuple(taken), tuple(left_out))


def _fault(alert: _Alert, namespace_label: str, size: int) -> str | None:
    """Why it can concern no rollout."""
    if not names.is_label(alert.labels.get(namespace_label, "")):
        return f"it has no label {namespace_label!r} with a namespace"
    if size > limits.ALERT_BYTES_MAX:
        return f"it has {size} bytes, and not at most {limits.ALERT_BYTES_MAX}"
    if not 1 <= len(alert.fingerprint) <= FINGERPRINT_LENGTH_MAX:
        return f"its fingerprint has not 1 to {FINGERPRINT_LENGTH_MAX} characters"
    return None


def _said(alert: _Alert) -> AlertNotified:
    resolved = alert.status == "resolved" and alert.ends_at is not None
    summary = next((alert.annotations[name] for name in SUMMARIES if alert.annotations.get(name)), "")
    link = alert.generator_url
    return AlertNotified(
        alert=printable(alert.labels.get(NAME, "without a name")),
        fingerprint=printable(alert.fingerprint),
        status=alert.status,
        starts_at_s=_epoch_s(alert.starts_at),
        ends_at_s=_epoch_s(alert.ends_at) if resolved and alert.ends_at is not None else None,
        labels={printable(name): printable(value) for name, value in alert.labels.items()},
        summary=printable(" ".join(summary.split())),
        link=link if len(link) <= limits.LINK_LENGTH_MAX and names.is_visible(link) else "",
    )


def _epoch_s(moment: dt.datetime) -> float:
    """A time without a zone, which Alertmanager never sends, is taken for UTC."""
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)).timestamp()

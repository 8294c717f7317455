"""Which alerts concern a rollout, and whether one of them fires. Pure; called by `outside_run`.

An alert counts that has fired at any time since the analysis began: one that is resolved again was bad news all the
same, and whoever takes the order over finds what the first holder found. One that began long before is no news.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from tidegate_contracts.facts import Measurement
from tidegate_contracts.outside import AlertWatch, Told
from tidegate_contracts.problem import printable
from tidegate_contracts.verdicts import AlertNotified
from tidegate_metrics_analyzer.judge import Verdict, shortened

KEPT_MAX: Final = 500
"""Notifications that concern one watch; the oldest are forgotten."""

Notifications = dict[tuple[str, ...], AlertNotified]
"""By fingerprint, start and status."""

ALERT_NAME: Final = "alertname"
_VARIABLE: Final = re.compile(r"\{\{([^{}]*)\}\}")


def wanted_labels(watch: AlertWatch, values: Mapping[str, str]) -> dict[str, tuple[str, ...]] | None:
    """What each label may hold; None while a name isn't known yet, so that nothing can match."""
    wanted: dict[str, tuple[str, ...]] = {}
    for label, given in watch.labels.items():
        each = (given,) if isinstance(given, str) else given
        if any(name not in values for text in each for name in _VARIABLE.findall(text)):
            return None
        wanted[label] = tuple(_VARIABLE.sub(lambda found: values[found.group(1)], text) for text in each)
    return wanted


def concerns(alert: AlertNotified, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    return all(alert.labels.get(label) in values for label, values in wanted.items())


def kept(notified: Notifications, alert: AlertNotified) -> Notifications:
    """With one more; a repeated one takes no more room."""
    more = {**notified, (alert.fingerprint, repr(alert.starts_at_s), alert.status): alert}
    return dict(list(more.items())[-KEPT_MAX:])


def firing(watch: AlertWatch, notified: Iterable[AlertNotified], since_s: float) -> AlertNotified | None:
    """The first that counts."""
    everything = tuple(notified)
    over = {
        (alert.fingerprint, alert.starts_at_s)
        for alert in everything
        if alert.status == "resolved" and (alert.ends_at_s or alert.starts_at_s) < since_s
    }
    for alert in everything:
        recent = alert.starts_at_s >= since_s - watch.look_back_s
        if alert.status == "firing" and recent and (alert.fingerprint, alert.starts_at_s) not in over:
            return alert
    return None


def verdict_of(fires: AlertNotified | None, *, read: bool) -> Verdict | None:
    """None until it is known what was notified before."""
    if fires is not None:
        return "fail"
    return "pass" if read else None


def evidence(watch: AlertWatch, values: Mapping[str, str], fires: AlertNotified | None, *, read: bool) -> Measurement:
    namespace, labels = values.get("namespace", "none"), _written(watch, values)
    return Measurement(
        check=watch.name,
        query=shortened(f"alerts of {namespace} with {labels}"),
        verdict=verdict_of(fires, read=read) or "inconclusive",
        reason=printable(_reason(fires, read=read)),
        measured=int(fires is not None),
        failed=int(fires is not None),
        told=_told(watch, fires) if fires is not None else None,
    )


def _reason(fires: AlertNotified | None, *, read: bool) -> str:
    if fires is None:
        return "no alert that concerns it has fired" if read else "alerts could not be read yet"
    at = datetime.fromtimestamp(fires.starts_at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"the alert {fires.alert} has fired since {at} UTC{': ' if fires.summary else ''}{fires.summary}"


def _told(watch: AlertWatch, fires: AlertNotified) -> Told:
    shown = {name: value for name, value in fires.labels.items() if name in watch.labels or name == ALERT_NAME}
    return Told(
        id=fires.fingerprint,
        at_s=fires.starts_at_s,
        by="alertmanager",
        reason=fires.summary,
        link=fires.link,
        labels=shown,
    )


def _written(watch: AlertWatch, values: Mapping[str, str]) -> str:
    """The labels that are looked for, or, while a name in them isn't known, what they will be made of."""
    wanted = wanted_labels(watch, values)
    labels = wanted if wanted is not None else watch.labels
    each = ((label, (given,) if isinstance(given, str) else given) for label, given in labels.items())
    return ", ".join(f"{label}={'|'.join(given)}" for label, given in each)

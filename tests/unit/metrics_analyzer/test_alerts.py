"""An Alertmanager's notifications: what is made of them, which concern a rollout, and which of those fail it."""

import json
from typing import Any

import pytest

from tidegate_contracts.limits import ALERT_BYTES_MAX
from tidegate_contracts.outside import AlertWatch
from tidegate_contracts.verdicts import AlertNotified
from tidegate_metrics_analyzer import alertmanager, alerts
from tidegate_metrics_analyzer.alertmanager import NotUnderstood

SINCE_S = 1000.0
VALUES = {"namespace": "shop", "workload": "web", "revision": "5d8f", "rollout": "r-1"}


def notification(*changed: dict[str, Any], **document: Any) -> bytes:
    """As Alertmanager posts it, by version 4 of its webhook."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "CheckoutErrors", "namespace": "shop", "deployment": "web", "severity": "page"},
        "annotations": {"summary": "more than 5 %\nof all checkouts fail", "runbook_url": "https://runbooks.example"},
        "startsAt": "2026-11-28T15:00:00.5Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example/graph?g0.expr=up",
        "fingerprint": "8af0c2e5b1d34f6a",
    }
    whole = {
        "version": "4",
        "groupKey": '{}:{alertname="CheckoutErrors"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "tidegate",
        "groupLabels": {"alertname": "CheckoutErrors"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example",
        "alerts": [{**alert, **changes} for changes in changed or ({},)],
    }
    return json.dumps({**whole, **document}).encode()


def test_a_firing_alert_is_taken_with_what_it_says() -> None:
    found = alertmanager.read(notification(), "namespace")
    ((namespace, alert),) = found.taken
    assert (namespace, found.left_out) == ("shop", ())
    assert alert == AlertNotified(
        alert="CheckoutErrors",
        fingerprint="8af0c2e5b1d34f6a",
        status="firing",
        starts_at_s=1795878000.5,
        ends_at_s=None,
        labels={"alertname": "CheckoutErrors", "namespace": "shop", "deployment": "web", "severity": "page"},
        summary="more than 5 % of all checkouts fail",
        link="https://prometheus.example/graph?g0.expr=up",
    )


def test_a_resolved_alert_says_when() -> None:
    body = notification({"status": "resolved", "endsAt": "2026-11-28T16:01:00+01:00"})
    ((_, alert),) = alertmanager.read(body, "namespace").taken
    assert (alert.status, alert.ends_at_s) == ("resolved", 1795878060.0)


def test_each_alert_goes_to_its_own_namespace_and_one_without_is_left_out() -> None:
    body = notification({"labels": {"team": "a"}}, {"labels": {"alertname": "X", "team": "b", "namespace": "shop"}})
    assert [each.namespace for each in alertmanager.read(body, "team").taken] == ["a", "b"]
    found = alertmanager.read(body, "namespace")
    assert [each.namespace for each in found.taken] == ["shop"]
    assert found.left_out == ("an alert: it has no label 'namespace' with a namespace",)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": {"namespace": "shop.*"}},
        {"labels": {"namespace": "shop", "big": "x" * 400, **{f"l{n}": "y" * 400 for n in range(60)}}},
        {"fingerprint": ""},
        {"fingerprint": "f" * 200},
    ],
)
def test_one_alert_with_a_fault_does_not_keep_the_others_from_being_taken(changes: dict[str, Any]) -> None:
    found = alertmanager.read(notification(changes, {}), "namespace")
    assert (len(found.taken), len(found.left_out)) == (1, 1)


def test_hostile_texts_are_cut_and_made_printable() -> None:
    changes = {
        "labels": {"alertname": "a\nb", "namespace": "shop", "x": "y" * 4000},
        "annotations": {"summary": "", "description": "z" * 9000},
        "generatorURL": "https://x.example/ y",
    }
    ((_, alert),) = alertmanager.read(notification(changes), "namespace").taken
    assert (alert.alert, alert.link) == ("a?b", "")
    assert max(map(len, [alert.summary, *alert.labels.values()])) <= 512
    assert ALERT_BYTES_MAX > 4000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no notification"),
        (b"[]", "no notification"),
        (b"\xff", "no notification"),
        (b"[" * 100_000, "no notification"),
        (b'{"version": "4"}', "no notification"),
        (notification({"status": "pending"}), "no notification"),
        (notification({"startsAt": "yesterday"}), "no notification"),
        (notification(version="5"), "version '5' is not 4"),
        (notification(*[{}] * 1001), "1001 alerts at once are more than 1000"),
    ],
    ids=range(9),
)
def test_what_is_no_notification_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(NotUnderstood, match=reason):
        alertmanager.read(body, "namespace")


def alert(status: str = "firing", starts_at_s: float = 1010.0, **changes: Any) -> AlertNotified:
    fields = {"labels": {"alertname": "E", "deployment": "web", "severity": "page"}, "fingerprint": "f"} | changes
    return AlertNotified(alert="E", status=status, starts_at_s=starts_at_s, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "matches"),
    [
        ({"deployment": "web"}, True),
        ({"deployment": "{{workload}}", "severity": ("critical", "page")}, True),
        ({"deployment": "{{workload}}-canary"}, False),
        ({"deployment": "web", "severity": "critical"}, False),
        ({"pod": "web"}, False),
    ],
)
def test_an_alert_concerns_whoever_names_its_labels(labels: dict[str, str | tuple[str, ...]], matches: bool) -> None:
    wanted = alerts.wanted_labels(AlertWatch(name="w", labels=labels), VALUES)
    assert wanted is not None
    assert alerts.concerns(alert(), wanted) is matches


def test_nothing_matches_a_name_that_is_not_known_yet() -> None:
    watch = AlertWatch(name="w", labels={"revision": "{{stable_revision}}"})
    assert alerts.wanted_labels(watch, VALUES) is None


@pytest.mark.parametrize(
    ("notified", "fails"),
    [
        ([], False),
        ([alert()], True),
        ([alert("resolved", ends_at_s=1020.0)], False),
        ([alert(), alert("resolved", ends_at_s=1020.0)], True),
        ([alert("resolved", ends_at_s=1020.0), alert()], True),
        ([alert(starts_at_s=500.0)], True),
        ([alert(starts_at_s=500.0), alert("resolved", 500.0, ends_at_s=900.0)], False),
        ([alert(starts_at_s=500.0), alert("resolved", 500.0, ends_at_s=1001.0)], True),
        ([alert(starts_at_s=500.0), alert("resolved", 500.0, ends_at_s=900.0), alert(starts_at_s=950.0)], True),
        ([alert(starts_at_s=399.0)], False),
        ([alert(starts_at_s=500.0), alert("resolved", 500.0, fingerprint="other", ends_at_s=900.0)], True),
    ],
)
def test_an_alert_fails_that_fires_while_it_is_watched(notified: list[AlertNotified], fails: bool) -> None:
    watch = AlertWatch(name="w", labels={"deployment": "web"})
    kept: alerts.Notifications = {}
    for each in [*notified, *notified]:
        kept = alerts.kept(kept, each)
    assert len(kept) == len(notified)
    fires = alerts.firing(watch, kept.values(), SINCE_S)
    assert (fires is not None) is fails
    assert alerts.verdict_of(fires, read=True) == ("fail" if fails else "pass")


def test_nothing_passes_before_what_was_notified_is_read() -> None:
    watch = AlertWatch(name="w", labels={"deployment": "web"})
    assert alerts.verdict_of(None, read=False) is None
    found = alerts.evidence(watch, VALUES, None, read=False)
    assert (found.verdict, found.reason) == ("inconclusive", "alerts could not be read yet")


def test_the_evidence_names_the_alert() -> None:
    watch = AlertWatch(name="w", labels={"deployment": "{{workload}}", "severity": ("critical", "page")})
    found = alerts.evidence(watch, VALUES, alert(summary="too many errors", link="https://p.example"), read=True)
    assert found.reason == "the alert E has fired since 1970-01-01 00:16:50 UTC: too many errors"
    assert found.query == "alerts of shop with deployment=web, severity=critical|page"
    assert found.told is not None
    assert (found.told.id, found.told.link) == ("f", "https://p.example")


def test_so_many_notifications_are_kept_and_no_more() -> None:
    kept: alerts.Notifications = {}
    for number in range(alerts.KEPT_MAX + 5):
        kept = alerts.kept(kept, alert(fingerprint=str(number)))
    assert len(kept) == alerts.KEPT_MAX
    assert list(kept.values())[-1].fingerprint == str(alerts.KEPT_MAX + 4)

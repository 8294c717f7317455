"""The bench reads the API server's audit log: what counts as a write, and what a hand-over is."""

import json
from pathlib import Path

import pytest

from tidegate_bench import audit

SERVICE_ACCOUNT = "system:serviceaccount:tidegate-system:workload-controller"


def _line(
    second: float, user: str, *, resource: str = "deployments", sub: str = "", name: str = "web", **more: object
) -> str:
    moment = f"2026-01-01T00:00:{second:09.6f}Z"
    entry = {
        "verb": "patch",
        "stage": "ResponseComplete",
        "requestURI": "/apis",
        "requestReceivedTimestamp": moment,
        "stageTimestamp": moment,
        "user": {"username": user},
        "objectRef": {"resource": resource, "subresource": sub, "name": name, "namespace": "default"},
        "responseStatus": {"code": 200},
    }
    return json.dumps(entry | more) + "\n"


def _read(tmp_path: Path, *lines: str, since_s: float = 0.0) -> list[audit.AuditEntry]:
    log = tmp_path / "audit.log"
    log.write_text("".join(lines))
    return audit.read(log, since_s)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"verb": "get"}, id="a read"),
        pytest.param({"responseStatus": {"code": 409}}, id="a refused write"),
        pytest.param({"requestURI": "/apis?dryRun=All"}, id="a dry run"),
    ],
)
def test_only_successful_changes_are_writes(tmp_path: Path, more: dict[str, object]) -> None:
    entries = _read(tmp_path, _line(1, SERVICE_ACCOUNT), _line(2, SERVICE_ACCOUNT, **more))
    assert [entry.received_s % 60 for entry in entries] == [1.0]
    assert entries[0].service == "workload-controller"


def test_a_line_that_is_still_being_written_is_left_for_the_next_time(tmp_path: Path) -> None:
    assert len(_read(tmp_path, _line(1, SERVICE_ACCOUNT), _line(2, SERVICE_ACCOUNT)[:-20])) == 1


def test_a_hand_over_lasts_from_the_last_pods_readiness_to_the_next_steps_first_write(tmp_path: Path) -> None:
    podlet = "system:serviceaccount:tidegate-system:podlet"
    entries = _read(
        tmp_path,
        _line(1.0, SERVICE_ACCOUNT),
        _line(1.5, podlet, resource="pods", sub="status", name="web-a"),
        _line(1.6, podlet, resource="pods", sub="status", name="web-b"),
        _line(1.61, podlet, resource="pods", sub="status", name="other-b"),
        _line(1.64, SERVICE_ACCOUNT),
    )
    epoch_s = entries[0].received_s - 1.0
    starts_s = [epoch_s + 0.9, epoch_s + 1.62]
    assert audit.handovers_s(entries, "web", starts_s) == [pytest.approx(0.04, abs=1e-5)]


def test_a_watch_is_open_until_it_is_said_to_have_ended(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    group = {"apiGroup": "apps", "resource": "deployments", "namespace": "", "name": ""}
    started = {"verb": "watch", "stage": "ResponseStarted"}
    log.write_text(
        _line(1, SERVICE_ACCOUNT, auditID="a", resource="pods", **started)
        + _line(1, SERVICE_ACCOUNT, auditID="b", resource="pods", **started)
        + _line(1, SERVICE_ACCOUNT, auditID="c", objectRef=group, **started)
        + _line(1, "system:serviceaccount:tidegate-system:traffic-shifter", auditID="d", resource="pods", **started)
        + _line(2, SERVICE_ACCOUNT, auditID="b", resource="pods", verb="watch")
    )
    assert audit.open_watches(log, "workload-controller") == {"pods": 1, "deployments.apps": 1}

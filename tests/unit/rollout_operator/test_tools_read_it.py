"""What kstatus (by its own documented rules) and Argo CD (by the shipped check, run as Lua) make of every status."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51
from msgspec.structs import replace
from support import histories
from support.kruise_rollouts import AUTHOR, folded, rollout
from support.saga import Saga, request, step

from tidegate_contracts.controls import Cancel, Pause, RollBack
from tidegate_contracts.guards import BY_THE_GUARD
from tidegate_contracts.rollout import Pause as StepPause
from tidegate_rollout_operator import handover
from tidegate_rollout_operator.identities import UNKNOWN, Identity
from tidegate_rollout_operator.projection import project
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.view import View

ROOT = Path(__file__).parents[3]
CHECKS = yaml.safe_load((ROOT / "deploy" / "argocd" / "argocd-cm.yaml").read_text())["data"]
HEALTH = CHECKS["resource.customizations.health.rollouts.kruise.io_Rollout"]
HISTORIES = sorted((ROOT / "tests" / "contract" / "histories").glob("*.jsonl"))
NOW_S = 1_700_000_000.0
INGRESS = {"trafficRoutings": [{"service": "web", "ingress": {"name": "Web"}}]}
LEAVING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def seen(
    view: View, metadata: dict[str, Any] | None = None, workload: Identity = UNKNOWN, **given: Any
) -> dict[str, Any]:
    """The whole object, as these tools get it."""
    made = rollout(metadata=metadata, **given)
    status = project(made, view, translate(made), NOW_S, workload)
    return {"metadata": {"generation": 1, **(metadata or {})}, "status": status}


def kstatus(found: dict[str, Any]) -> str:
    """As its documentation has it: deletion, generation, the conditions in their order, and at last `Ready`."""
    metadata, status = found["metadata"], found["status"]
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    standing = [(each["type"], each["status"]) for each in status["conditions"]]
    for each in standing:
        if each in {("Reconciling", "True"), ("Stalled", "True")}:
            return "InProgress" if each[0] == "Reconciling" else "Failed"
    return "InProgress" if any(kind == "Ready" and value != "True" for kind, value in standing) else "Current"


def argo(found: dict[str, Any]) -> str:
    lua = lua51.LuaRuntime(register_eval=False)
    lua.globals().obj = lua.table_from(found, recursive=True)
    health = lua.execute(HEALTH)
    assert isinstance(health["message"], str)
    return str(health["status"])


def both(found: dict[str, Any]) -> tuple[str, str]:
    return kstatus(found), argo(found)


def waiting() -> Saga:
    """At a step that waits for approval."""
    saga = Saga()
    saga.ask(request(step("20%", pause=StepPause()), step("100%"), rollout="g-1", requested_by=AUTHOR))
    while saga.is_asked:
        saga.answer()
    return saga


def told(control: Any) -> View:
    saga = waiting()
    saga.tell(control)
    saga.to_end()
    return folded(saga.history)


def just_accepted() -> View:
    saga = Saga()
    saga.ask(request(step("20%"), step("100%"), rollout="g-1"))
    return folded(saga.history)


def held() -> View:
    saga = waiting()
    saga.tell(Pause(by="ann", reason="lunch"))
    return folded(saga.history)


EXPECTED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "never rolled out": (seen(View()), ("Current", "Healthy")),
    "can't be carried": (seen(View(), **INGRESS), ("Failed", "Degraded")),
    "without its workload": (seen(View(), workload=Identity(there=False)), ("InProgress", "Progressing")),
    "accepted": (seen(just_accepted()), ("InProgress", "Progressing")),
    "waits for approval": (seen(folded(waiting().history)), ("InProgress", "Suspended")),
    "paused": (seen(held()), ("InProgress", "Suspended")),
    "gone back by itself": (seen(told(RollBack(by="orchestrator", reason="errors"))), ("Failed", "Degraded")),
    "gone back by its template": (seen(told(RollBack(by=BY_THE_GUARD, reason="ann"))), ("Current", "Healthy")),
    "let go while disabled": (seen(folded(waiting().history), spec={"disabled": True}), ("InProgress", "Progressing")),
    "disabled": (seen(told(Cancel(by=AUTHOR)), spec={"disabled": True}), ("Current", "Healthy")),
    "going": (seen(folded(waiting().history), metadata=LEAVING), ("Terminating", "Progressing")),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_status_is_read_rightly(name: str) -> None:
    found, expected = EXPECTED[name]
    assert both(found) == expected


def test_a_spec_that_was_not_seen_yet_is_in_progress() -> None:
    found = seen(View())
    found["metadata"]["generation"] = 2
    assert both(found) == ("InProgress", "Progressing")
    assert argo({"metadata": {"generation": 1}}) == "Progressing"


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_moment_of_every_history_is_read_alike(path: Path) -> None:
    alike = {"Current": {"Healthy"}, "InProgress": {"Progressing", "Suspended"}, "Failed": {"Degraded"}}
    *_, (_, _, saga) = histories.replayed(histories.read(path))
    for number in range(len(saga.history) + 1):
        view = folded(saga.history[:number])
        for style in ("canary", "blueGreen"):
            ours, theirs = both(seen(view, style=style))
            assert theirs in alike[ours]
            assert (ours == "InProgress") is view.active


def test_one_that_kruise_left_unfinished_has_failed() -> None:
    status = handover.told(replace(rollout(), status={"phase": "Progressing", "observedGeneration": 1}), NOW_S)
    assert status is not None
    assert both({"metadata": {"generation": 1}, "status": status}) == ("Failed", "Degraded")

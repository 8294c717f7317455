from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support import histories
from support.definitions import complaints, schema
from support.kruise_rollouts import AUTHOR, folded, rollout, steps
from support.saga import ROUTE, Saga, request, step

from tidegate_contracts.controls import Approve, Cancel, JumpToStep, Pause, Resume, RollBack
from tidegate_contracts.decisions import TERMINAL, Decision, RolloutAccepted, RolloutCompleted
from tidegate_contracts.facts import BatchReady
from tidegate_contracts.rollout import Bake
from tidegate_contracts.rollout import Pause as StepPause
from tidegate_rollout_operator.identities import GONE, UNKNOWN, Identity
from tidegate_rollout_operator.projection import project
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.view import View

HISTORIES = sorted((Path(__file__).parents[2] / "contract" / "histories").glob("*.jsonl"))
NOW_S = 1_700_000_000.0


WORKLOAD = Identity(there=True, generation=7, revision="5f9687cf64", stable="stable")


def status(view: View, workload: Identity = WORKLOAD, **given: Any) -> dict[str, Any]:
    made = rollout(**given)
    return project(made, view, translate(made), NOW_S, workload)


def condition(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((each for each in found["conditions"] if each["type"] == kind), {})


def paused_saga(by: str = "ann") -> Saga:
    saga = Saga()
    steps = (step("20%", pause=StepPause()), step("60%", pause=StepPause(duration_s=30.0)), step("100%"))
    saga.ask(request(*steps, rollout="g-1", requested_by=by))
    return saga


def standing(saga: Saga) -> Saga:
    while saga.is_asked:
        saga.answer()
    return saga


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_recorded_history_ends_as_it_ended(path: Path) -> None:
    *_, (_, _, saga) = histories.replayed(histories.read(path))
    newest = saga.rollout.id
    for number in range(1, len(saga.history) + 1):
        found = status(folded(saga.history[:number]))
        if not any(isinstance(event, RolloutAccepted) for event in saga.history[:number]):
            assert (found["phase"], "breaks the rule" in found["message"]) == ("Healthy", True)
            continue
        active = not _ended(saga.history[:number])
        assert found["phase"] == ("Progressing" if active else "Healthy")
        assert condition(found, "Progressing").get("status") == ("True" if active else "False")
        assert bool(condition(found, "Succeeded")) is not active
    assert found["observedRollout"] == newest
    good = any(isinstance(event, RolloutCompleted) and event.rollout == newest for event in saga.history)
    assert condition(found, "Succeeded")["status"] == str(good)
    assert found["canaryStatus"]["finalisingStep"] == "END"


def _ended(history: list[Any]) -> bool:
    """Whether the newest rollout of a history has ended."""
    accepted = [event.rollout for event in history if isinstance(event, RolloutAccepted)]
    return any(
        isinstance(event, Decision) and isinstance(event, TERMINAL) and event.rollout == accepted[-1]
        for event in history
    )


def test_a_workload_without_a_rollout_is_healthy() -> None:
    found = status(View())
    assert (found["phase"], found["message"]) == ("Healthy", "rollout is healthy")
    told = found["canaryStatus"]
    assert (told["currentStepIndex"], told["nextStepIndex"], told["currentStepState"]) == (2, -1, "Completed")
    assert (found["currentStepIndex"], found["currentStepState"]) == (2, "Completed")
    assert condition(found, "Accepted")["status"] == "True"


def test_the_steps_are_told_as_kruise_tells_them() -> None:
    saga = paused_saga()
    assert condition(status(folded(saga.history)), "Progressing")["reason"] == "Initializing"
    saga.to_step(1)
    found = status(folded(saga.history))
    assert found["currentStepState"] == "StepUpgrade"
    assert found["message"] == "Rollout is in step(1/3), and upgrade workload to new version"
    assert found["canaryStatus"]["message"] == "BatchRelease is at state Upgrading, rollout-id 5f9687cf64, step 1"
    found = status(folded(standing(saga).history))
    assert (found["currentStepIndex"], found["currentStepState"]) == (1, "StepPaused")
    told = found["canaryStatus"]
    assert (told["currentStepIndex"], told["nextStepIndex"], told["currentStepState"]) == (1, 2, "StepPaused")
    assert (told["canaryReplicas"], told["canaryReadyReplicas"]) == (2, 2)
    assert found["message"] == "Rollout is in step(1/3), and you need manually confirm to enter the next step"
    saga.tell(Approve(step=1))
    found = status(folded(standing(saga).history))
    assert found["message"] == "Rollout is in step(2/3), and wait duration(30 seconds) to enter the next step"
    saga.wait(31.0)
    saga.to_step(3)
    assert status(folded(saga.history))["canaryStatus"]["nextStepIndex"] == -1


def test_what_is_still_said_of_an_older_rollout_changes_nothing() -> None:
    saga = paused_saga()
    saga.to_step(1)
    late = BatchReady(
        **saga.pod_fields(), step=1, settled=True, canary_revision="v9", target_pods=2, counts=saga.counts(2)
    )
    saga.ask(request(step("20%"), step("100%"), rollout="g-2"))
    saga.to_step(1)
    before = folded(saga.history)
    after = folded([*saga.history, late])
    assert (before.rollout, after.canary_revision) == ("g-2", before.canary_revision)
    assert status(after)["canaryStatus"] == status(before)["canaryStatus"]


def test_the_last_step_that_a_request_leaves_out_is_no_step_of_the_users() -> None:
    saga = Saga()
    saga.ask(request(step("20%"), step("60%"), rollout="g-1"))
    saga.to_step(2)
    assert status(folded(saga.history))["canaryStatus"]["nextStepIndex"] == -1
    saga.to_step(3)
    found = status(folded(saga.history))
    assert (found["currentStepIndex"], found["currentStepState"]) == (2, "Completed")
    assert condition(found, "Progressing")["reason"] == "Finalising"
    saga.tell(Pause(by="ann", reason="lunch"))
    assert status(folded(saga.history))["currentStepState"] == "StepPaused"


@pytest.mark.parametrize("last", ["60%", "100%"])
def test_a_bake_shows_as_the_analysis_of_the_last_step(last: str) -> None:
    saga = Saga()
    saga.ask(request(step("20%"), step(last), bake=Bake(duration_s=600.0), rollout="g-1", requested_by=AUTHOR))
    saga.to_bake()
    view = folded(saga.history)
    found = status(view)
    assert (found["currentStepIndex"], found["currentStepState"]) == (2, "StepMetricsAnalysis")
    assert condition(found, "Progressing")["reason"] == "InRolling"
    assert found["message"] == "Rollout is in step(2/2), and watch new version for duration(600 seconds)"


def test_traffic_and_its_end_are_told() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20), step("100%"), traffic=(ROUTE,), rollout="g-1"))
    saga.to_step(1)
    saga.ready()
    assert status(folded(saga.history))["currentStepState"] == "StepTrafficRouting"
    saga.shifted()
    assert status(folded(saga.history))["currentStepState"] == "StepMetricsAnalysis"
    saga.to_step(2)
    while condition(status(folded(saga.history)), "Progressing")["reason"] != "Finalising":
        saga.answer()
    found = status(folded(saga.history))
    assert found["canaryStatus"]["finalisingStep"] == "RestoreStableService"
    assert (found["currentStepIndex"], found["currentStepState"]) == (2, "Completed")
    saga.to_end()
    assert condition(status(folded(saga.history)), "Succeeded")["status"] == "True"


def test_a_rollback_says_why() -> None:
    saga = standing(paused_saga())
    saga.tell(RollBack(by="ann", reason="too slow"))
    found = status(folded(saga.history))
    assert condition(found, "Progressing")["reason"] == "Cancelling"
    assert found["message"].endswith("too slow")
    saga.to_end()
    found = status(folded(saga.history))
    assert (found["phase"], condition(found, "Succeeded")["status"]) == ("Healthy", "False")
    assert condition(found, "Progressing")["message"] == "Rollout progressing has been canceled: too slow"


def test_a_pause_of_its_own_keeps_the_steps_state_and_another_asks_for_approval() -> None:
    saga = paused_saga()
    saga.to_step(1)
    saga.tell(Pause(by=AUTHOR, reason="spec.strategy.paused"))
    found = status(folded(saga.history), paused=True)
    assert (condition(found, "Progressing")["reason"], found["currentStepState"]) == ("Paused", "StepUpgrade")
    assert found["message"] == "Rollout has been paused, you can resume it by kube-cli"
    saga.tell(Resume(by=AUTHOR))
    saga.tell(Pause(by="ann", reason="lunch"))
    found = status(folded(saga.history))
    assert (condition(found, "Progressing")["reason"], found["currentStepState"]) == ("Paused", "StepPaused")
    assert found["message"] == "Rollout was paused by ann: lunch"


def test_a_refused_control_is_told_until_something_changes() -> None:
    saga = standing(paused_saga())
    saga.tell(JumpToStep(step=9))
    view = folded(saga.history)
    assert "jump was refused" in status(view)["message"]
    assert view.revision < saga.history[-1].revision  # type: ignore[union-attr]
    saga.tell(Approve(step=1))
    assert "refused" not in status(folded(saga.history))["message"]


def test_what_cannot_be_carried_stands_in_a_condition() -> None:
    found = status(View(), trafficRoutings=[{"service": "web", "ingress": {"name": "Web"}}])
    assert (found["phase"], condition(found, "Accepted")["status"]) == ("Initial", "False")
    assert "ingress" in found["message"]
    assert "ingress" in condition(found, "Accepted")["message"]


def test_an_edited_strategy_is_told_of() -> None:
    given = {"steps": steps("20%", "60%", "100%")}
    saga = Saga()
    wanted = translate(rollout(**given))
    assert not isinstance(wanted, tuple)
    saga.ask(wanted)
    saga.to_step(1)
    assert "edited" not in status(folded(saga.history), **given)["message"]
    assert "edited" not in status(folded(saga.history), steps=steps("30%", "100%"))["message"], "told as another plan"
    labels = {"patchPodTemplateMetadata": {"labels": {"a": "b"}}, "enableExtraWorkloadForCanary": True}
    assert "edited" in status(folded(saga.history), **given, **labels)["message"]


@pytest.mark.parametrize(
    ("metadata", "spec", "phases"),
    [
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, {}, ("Terminating", "Terminating")),
        ({}, {"disabled": True}, ("Disabling", "Disabled")),
    ],
)
def test_leaving_and_resting_have_phases_of_their_own(
    metadata: dict[str, Any], spec: dict[str, Any], phases: tuple[str, str]
) -> None:
    saga = standing(paused_saga(AUTHOR))
    assert status(folded(saga.history), metadata=metadata, spec=spec)["phase"] == phases[0]
    saga.tell(Cancel(by=AUTHOR))
    saga.to_end()
    assert status(folded(saga.history), metadata=metadata, spec=spec)["phase"] == phases[1]


def test_the_blue_green_block_has_words_of_its_own() -> None:
    found = status(folded(standing(paused_saga()).history), style="blueGreen")
    assert found["blueGreenStatus"]["updatedReplicas"] == 2
    assert "canaryStatus" not in found


def test_a_workload_that_is_not_there_is_told_and_nothing_of_its_past() -> None:
    saga = standing(paused_saga(AUTHOR))
    saga.tell(Cancel(by=AUTHOR))
    saga.to_end()
    for view in (View(), folded(saga.history)):
        found = status(view, GONE)
        assert (found["phase"], found["message"]) == ("Initial", "Workload Not Found")
        assert "canaryStatus" not in found
        assert [each["type"] for each in found["conditions"]] == ["Accepted", "Ready", "Reconciling"]
    assert status(folded(standing(paused_saga()).history), GONE)["phase"] == "Progressing"
    assert status(View(), GONE, spec={"disabled": True})["phase"] == "Disabled"
    refused = status(View(), GONE, trafficRoutings=[{"service": "web", "ingress": {"name": "Web"}}])
    assert "ingress" in refused["message"]


def test_what_is_not_known_of_a_workload_yet_stays_as_it_stands() -> None:
    view = folded(standing(paused_saga()).history)
    first = status(view)
    made = rollout()
    again = project(replace(made, status=first), view, translate(made), NOW_S, UNKNOWN)
    assert again == first


def test_the_same_history_makes_the_same_status_later() -> None:
    view = folded(standing(paused_saga()).history)
    first = status(view)
    made = rollout()
    again = project(replace(made, status=first), view, translate(made), NOW_S + 99, WORKLOAD)
    assert again == first


@pytest.mark.parametrize("style", ["canary", "blueGreen"])
@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_the_definition_knows_all_that_is_told(path: Path, style: str) -> None:
    """The API server drops what it does not know: such a status would be written again and again."""
    *_, (_, _, saga) = histories.replayed(histories.read(path))
    for number in range(len(saga.history) + 1):
        found = status(folded(saga.history[:number]), style=style)
        assert complaints(found, schema("rollouts", "status")) == []

from typing import Any

import pytest
from msgspec.structs import replace
from support.kruise_rollouts import AUTHOR, folded, rollout
from support.saga import Saga, request, step

from tidegate_contracts.controls import Approve, Cancel, JumpToStep, Pause, Resume
from tidegate_contracts.rollout import Bake
from tidegate_contracts.rollout import Pause as StepPause
from tidegate_rollout_operator.commands import commands
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.projection import project
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.view import View


def waiting() -> Saga:
    """A rollout of the Rollout's that waits at its first of three steps."""
    saga = Saga()
    steps = (step("20%", pause=StepPause()), step("60%", pause=StepPause()), step("100%"))
    saga.ask(request(*steps, rollout="g-1", requested_by=AUTHOR))
    while saga.is_asked:
        saga.answer()
    return saga


def written(view: View, **given: Any) -> Rollout:
    """The Rollout with the status that we would have written."""
    made = rollout(**given)
    return replace(made, status=project(made, view, translate(made), 0.0))


def patched(made: Rollout, **changes: Any) -> Rollout:
    """As a user's merge patch of the status leaves it."""
    return replace(made, status=made.status | {"canaryStatus": made.told | changes})


def controls(made: Rollout, view: View) -> list[object]:
    return [command.control for command in commands(made, view)]


def test_what_we_wrote_ourselves_is_no_command() -> None:
    saga = Saga()
    saga.ask(request(step("20%", pause=StepPause()), step("100%"), rollout="g-1", requested_by=AUTHOR))
    while saga.is_asked:
        view = folded(saga.history)
        assert commands(written(view), view) == []
        saga.answer()


def test_an_approval_is_told_once_for_each_pause() -> None:
    saga = waiting()
    view = folded(saga.history)
    made = patched(written(view), currentStepState="StepReady")
    (command,) = commands(made, view)
    assert command.control == Approve(step=1, by=AUTHOR)
    assert commands(made, view) == [command]
    assert project(made, view, translate(made), 0.0)["canaryStatus"]["currentStepState"] == "StepReady"
    saga.tell(Approve(step=1))
    while saga.is_asked:
        saga.answer()
    second = folded(saga.history)
    assert commands(made, second) == []
    (other,) = commands(patched(written(second), currentStepState="StepReady"), second)
    assert (other.control, other.id != command.id) == (Approve(step=2, by=AUTHOR), True)


def test_an_approval_of_the_last_steps_pause_does_not_end_the_bake_after_it() -> None:
    saga = Saga()
    bake = Bake(duration_s=600.0)
    saga.ask(request(step("100%", pause=StepPause()), bake=bake, rollout="g-1", requested_by=AUTHOR))
    while saga.is_asked:
        saga.answer()
    view = folded(saga.history)
    made = patched(written(view), currentStepState="StepReady")
    (command,) = commands(made, view)
    assert saga.tell(command.control) == ["StepCompleted", "BakeStarted"]
    baking = folded(saga.history)
    assert commands(made, baking) == []
    assert project(made, baking, translate(made), 0.0)["canaryStatus"]["currentStepState"] == "StepMetricsAnalysis"


def test_an_approval_ahead_of_its_pause_does_nothing() -> None:
    saga = Saga()
    saga.ask(request(step("20%", pause=StepPause()), step("100%"), rollout="g-1", requested_by=AUTHOR))
    saga.to_step(1)
    view = folded(saga.history)
    assert commands(patched(written(view), currentStepState="StepReady"), view) == []


def test_another_next_step_is_a_jump_and_no_step_is_none() -> None:
    view = folded(waiting().history)
    made = written(view)
    for wanted in (1, 3):
        assert controls(patched(made, nextStepIndex=wanted), view) == [JumpToStep(step=wanted, by=AUTHOR)]
    for wanted in (0, -1, 2, 4, "3"):
        assert controls(patched(made, nextStepIndex=wanted), view) == []


def test_a_doubt_at_the_last_step_that_was_left_out_is_ended_by_an_approval() -> None:
    saga = Saga()
    saga.ask(request(step("20%"), rollout="g-1", requested_by=AUTHOR))
    saga.to_step(2)
    saga.tell(Pause(by="orchestrator", reason="in doubt"))
    view = folded(saga.history)
    assert controls(written(view), view) == []
    assert controls(patched(written(view), currentStepState="StepReady"), view) == [Resume(by=AUTHOR)]


def test_a_command_for_a_rollout_that_is_no_more_is_none() -> None:
    saga = waiting()
    made = patched(written(folded(saga.history)), currentStepState="StepReady", nextStepIndex=3)
    saga.ask(request(step("20%", pause=StepPause()), step("100%"), rollout="g-2", requested_by=AUTHOR))
    while saga.is_asked:
        saga.answer()
    assert commands(made, folded(saga.history)) == []


def test_a_pause_of_the_spec_is_told_and_taken_back() -> None:
    saga = waiting()
    view = folded(saga.history)
    (command,) = commands(written(view, paused=True), view)
    assert isinstance(command.control, Pause)
    saga.tell(command.control)
    held = folded(saga.history)
    assert commands(written(held, paused=True), held) == []
    assert controls(written(held), held) == [Resume(by=AUTHOR)]


def test_an_approval_waits_for_the_end_of_the_pause_of_the_spec() -> None:
    saga = waiting()
    saga.tell(Pause(by=AUTHOR))
    view = folded(saga.history)
    made = patched(written(view, paused=True), currentStepState="StepReady")
    assert controls(made, view) == []
    kept = project(made, view, translate(made), 0.0)
    assert kept["canaryStatus"]["currentStepState"] == "StepReady"
    saga.tell(Resume(by=AUTHOR))
    assert controls(replace(rollout(), status=kept), folded(saga.history)) == [Approve(step=1, by=AUTHOR)]


def test_a_pause_of_others_is_ended_by_an_approval_and_by_nothing_else() -> None:
    saga = waiting()
    saga.tell(Pause(by="ann", reason="lunch"))
    view = folded(saga.history)
    assert commands(written(view), view) == []
    assert commands(written(view, paused=True), view) == []
    made = patched(written(view), currentStepState="StepReady")
    assert controls(made, view) == [Resume(by=AUTHOR)]
    # the step's own pause still stands, and is not ended by the same click
    assert project(made, view, translate(made), 0.0)["canaryStatus"]["currentStepState"] == "StepPaused"


@pytest.mark.parametrize(
    "given", [{"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, {"spec": {"disabled": True}}]
)
def test_leaving_and_resting_let_the_workload_go(given: dict[str, Any]) -> None:
    saga = waiting()
    view = folded(saga.history)
    (command,) = commands(written(view, **given), view)
    assert isinstance(command.control, Cancel)
    saga.tell(command.control)
    view = folded(saga.history)
    assert commands(written(view, **given), view) == []


def test_a_rollout_that_somebody_else_asked_for_is_not_ended() -> None:
    saga = Saga()
    saga.ask(request(step("20%", pause=StepPause()), step("100%"), rollout="r-1", requested_by="ann"))
    view = folded(saga.history)
    assert commands(written(view, spec={"disabled": True}), view) == []
    assert written(view, spec={"disabled": True}).status["phase"] == "Disabled"


def test_an_approval_starts_a_release_that_waits_before_its_first_batch() -> None:
    saga = Saga()
    again = {"requested_by": AUTHOR, "paused_because": "this version failed already, in rollout g-1"}
    saga.ask(request(step("20%", pause=StepPause()), step("100%"), rollout="g-2", **again))
    saga.prepared()
    view = folded(saga.history)
    made = written(view)
    assert made.status["message"] == "Rollout was paused by the request: this version failed already, in rollout g-1"
    assert made.told["currentStepState"] == "StepPaused"
    assert [each["reason"] for each in made.status["conditions"] if each["type"] == "Progressing"] == ["Paused"]
    assert commands(made, view) == []
    assert controls(patched(made, currentStepState="StepReady"), view) == [Resume(by=AUTHOR)]

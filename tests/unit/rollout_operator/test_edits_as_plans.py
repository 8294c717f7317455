"""Edits of a Rollout during its release, as other plans for it: which are told, once, and what the status shows."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.kruise_rollouts import AUTHOR, folded, rollout, steps
from support.saga import Saga

from tidegate_contracts.controls import Replan
from tidegate_contracts.decisions import PlanChanged
from tidegate_contracts.rollout import Change
from tidegate_orchestrator.inputs import Told
from tidegate_rollout_operator.commands import Command
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.projection import project
from tidegate_rollout_operator.replanning import replans
from tidegate_rollout_operator.translate import translate

FIRST = {"steps": steps("20%", "60%", "100%", pause={})}


def edition(generation: int, **given: Any) -> Rollout:
    return rollout(metadata={"generation": generation}, **(FIRST | given))


def waiting() -> Saga:
    """A release of the Rollout's first strategy that waits at its first step."""
    wanted = translate(edition(1))
    assert not isinstance(wanted, tuple)
    saga = Saga()
    saga.ask(replace(wanted, change=Change(images={"web": "web:v2"}), rollout="g-1"))
    saga.to_step(1).ready()
    return saga


def told(saga: Saga, made: Rollout) -> list[Command]:
    return replans(made, folded(saga.history), translate(made))


def carried(saga: Saga, command: Command) -> list[str]:
    return saga.when(Told(id=command.id, rollout=command.rollout, control=command.control))


@pytest.mark.parametrize(
    "given",
    [
        {"steps": steps("20%", "60%", "100%", pause={"duration": 9})},
        {"steps": steps("30%", "100%", pause={})},
        {"failureThreshold": 1},
    ],
)
def test_an_edit_is_told_once_and_then_stands(given: dict[str, Any]) -> None:
    saga, made = waiting(), edition(2, **given)
    assert told(saga, edition(1)) == []
    (command,) = told(saga, made)
    assert told(saga, made) == [command]
    assert isinstance(command.control, Replan)
    assert (command.control.by, command.control.request.change) == (AUTHOR, Change(images={"web": "web:v2"}))
    assert carried(saga, command)[0] == "PlanChanged"
    assert told(saga, made) == []


def test_what_others_said_since_is_not_fought_before_the_next_edit() -> None:
    saga, made = waiting(), edition(2, failureThreshold=1)
    carried(saga, *told(saga, made))
    saga.replan(failure_threshold=2)
    assert told(saga, made) == []
    assert len(told(saga, edition(3, failureThreshold="10%"))) == 1


def test_a_copy_that_was_behind_is_put_right() -> None:
    saga, newer = waiting(), edition(3, failureThreshold=2)
    (late,) = told(saga, edition(2, failureThreshold=1))
    (first,) = told(saga, newer)
    carried(saga, first)
    assert told(saga, edition(2, failureThreshold=1)) == []
    carried(saga, late)
    (again,) = told(saga, newer)
    assert again.id not in {first.id, late.id}
    carried(saga, again)
    assert saga.rollout.request.failure_threshold == 2


def test_a_rollout_of_somebody_else_and_one_that_leaves_are_left_alone() -> None:
    saga, made = waiting(), edition(2, failureThreshold=1)
    assert told(saga, edition(2, failureThreshold=1, spec={"disabled": True})) == []
    leaving = {"generation": 2, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert told(saga, rollout(metadata=leaving, **FIRST, failureThreshold=1)) == []
    assert told(saga, edition(2, trafficRoutings=[{"service": "web", "ingress": {"name": "web"}}])) == []
    view = folded(saga.history)
    assert view.request is not None
    other = replace(view, request=replace(view.request, requested_by="ann"))
    assert replans(made, other, translate(made)) == []


def test_the_status_tells_of_the_new_plan() -> None:
    saga = waiting()
    pauses = edition(2, steps=steps("20%", "60%", "100%", pause={"duration": 90}))
    carried(saga, *told(saga, pauses))
    status = project(pauses, folded(saga.history), translate(pauses), saga.now_s)
    assert "wait duration(90 seconds)" in status["message"]
    more = edition(3, steps=steps("40%", "60%", "100%", pause={"duration": 90}))
    carried(saga, *told(saga, more))
    status = project(more, folded(saga.history), translate(more), saga.now_s)
    assert (status["currentStepIndex"], status["currentStepState"]) == (1, "StepUpgrade")
    changes = [event for event in saga.history if isinstance(event, PlanChanged)]
    assert [change.again for change in changes] == [False, True]


def test_a_refused_edit_says_why() -> None:
    saga, made = waiting(), edition(2, failureThreshold=1)
    (command,) = told(saga, made)
    strange = Replan(request=replace(saga.rollout.request, strategy="blue_green"))
    assert carried(saga, command._replace(control=strange)) == ["ControlRefused"]
    message = project(made, folded(saga.history), translate(made), saga.now_s)["message"]
    assert "replan was refused" in message

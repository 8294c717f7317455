"""Rollouts that Kruise left: at rest they are taken over, in the midst of a release they are left alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.kruise_rollouts import rollout

from tidegate_contracts.kruises_hold import ANNOTATIONS
from tidegate_rollout_operator import handover
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.projection import project
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.view import View

SUPPORT = Path(__file__).parents[2] / "support"
NOW_S = 1_700_000_000.0
PROGRESSING = {"type": "Progressing", "status": "True", "reason": "InRolling", "message": "Rollout is in Progressing"}
IN_FLIGHT = {"phase": "Progressing", "conditions": [PROGRESSING], "canaryStatus": {"currentStepState": "StepPaused"}}


def of(status: dict[str, Any]) -> Rollout:
    return replace(rollout(), status=status)


def test_what_kruise_was_doing_stays_and_is_told() -> None:
    left = of(IN_FLIGHT)
    assert handover.is_unfinished(left)
    status = handover.told(left, NOW_S)
    assert status is not None
    assert status["canaryStatus"] == IN_FLIGHT["canaryStatus"]
    assert status["phase"] == "Progressing"
    assert status["conditions"][0] == PROGRESSING
    assert "docs/migrate-from-kruise.md" in status["message"]
    assert "not guarded" in {each["type"]: each["message"] for each in status["conditions"]}["Accepted"]


def test_it_is_told_once_even_where_kruise_writes_on() -> None:
    status = handover.told(of(IN_FLIGHT), NOW_S)
    assert status is not None
    again = of(status | {"message": "Rollout is in step(1/3)"})
    assert handover.is_unfinished(again)
    assert handover.told(again, NOW_S + 9) is None


@pytest.mark.parametrize("phase", ["Healthy", "Initial", "Disabled"])
def test_it_is_taken_over_when_kruise_has_finished(phase: str) -> None:
    status = handover.told(of(IN_FLIGHT), NOW_S)
    assert status is not None
    finished = of(status | {"phase": phase})
    assert not handover.is_unfinished(finished)
    taken = project(finished, View(), translate(finished), NOW_S)
    assert {each["type"]: each["status"] for each in taken["conditions"]} == {"Accepted": "True", "Ready": "True"}


@pytest.mark.parametrize("phase", ["Progressing", "Disabling", "Terminating"])
def test_our_own_releases_are_ours(phase: str) -> None:
    ours = project(rollout(), View(), translate(rollout()), NOW_S)
    assert not handover.is_unfinished(of(ours | {"phase": phase}))
    # As people do when the stream of events is made anew from nothing.
    del ours["observedSequence"]
    assert not handover.is_unfinished(of(ours | {"phase": phase}))


def test_a_new_rollout_is_nobody_elses() -> None:
    assert not handover.is_unfinished(of({}))


def recorded() -> dict[str, dict[str, Any]]:
    """Written by Kruise's own manager."""
    found: dict[str, dict[str, Any]] = json.loads((SUPPORT / "left_by_kruise.json").read_text())
    return found


def test_what_kruises_own_manager_left_is_known_for_what_it_is() -> None:
    unfinished = {name for name, each in recorded().items() if "status" in each and unfinished_at(each["status"])}
    names = ("beside", "cloned", "gated", "ingressed", "ordered", "partitioned")
    assert unfinished == {f"Rollout/{name}" for name in names}
    held = {name for name, each in recorded().items() if ANNOTATIONS[0] in each.get("annotations", {})}
    assert {name.partition("/")[2] for name in held} == {name.partition("/")[2] for name in unfinished}


def unfinished_at(status: dict[str, Any]) -> bool:
    return handover.is_unfinished(of(status))

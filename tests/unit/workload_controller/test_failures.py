"""A template that a rollout took back is remembered on its workload, and waits for somebody when it comes again."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.held_world import REFERENCE, HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_contracts.guards import GuardSet
from tidegate_contracts.orders import ReleaseWorkload, Target
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_workload_controller import backwards, held_change, marks, release
from tidegate_workload_controller.failures import Failure, failed_before, failure_on
from tidegate_workload_controller.held_change import Ask, GoBack, Write
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.releases import template_part
from tidegate_workload_controller.seen import View

NOW_S = 5_000.0
NOTE = "v2.web-1.4"
GUARD = GuardSet(request=RolloutRequested(workload=REFERENCE, steps=(Step(replicas="50%"),)), by="somebody")


def guarded(view: View, label: str = "v2", **annotations: str) -> View:
    """With the label of a guard; annotations are named as in `marks`."""
    metadata = view.workload.metadata
    added = {getattr(marks, name): value for name, value in annotations.items()}
    metadata = replace(metadata, labels={marks.GUARDED: template_part(label)}, annotations=metadata.annotations | added)
    return replace(view, workload=replace(view.workload, metadata=metadata))


def at_half(*, recreate: bool = False) -> HeldWorld:
    world = HeldWorld(NativeDeployment(10))
    if recreate:
        world.written.strategy = {"type": "Recreate"}
    world.apply(world.order(Target(percent=50)))
    return world


def annotations_of(decision: Any) -> dict[str, Any]:
    (action,) = decision.actions
    found: dict[str, Any] = action.body["metadata"]["annotations"]
    return found


def released(view: View, mode: str, rollout: str = "web-1.4") -> dict[str, Any]:
    order = ReleaseWorkload(
        rollout=rollout,
        revision=99,
        workload=REFERENCE,
        mode=mode,  # type: ignore[arg-type]
        stable_revision="v1",
    )
    return annotations_of(release.decide(order, view, ReleaseMemory(), NOW_S))


@pytest.mark.parametrize("recreate", [False, True], ids=["in one patch", "while it moves within limits"])
def test_what_is_taken_back_is_noted_with_the_rollout_that_did(recreate: bool) -> None:
    assert released(guarded(at_half(recreate=recreate).view()), "restore")[marks.FAILED] == NOTE


def test_what_goes_back_in_batches_is_noted_with_its_first_batch() -> None:
    world = at_half()
    world.apply(world.order(Target(percent=80), step=2))
    order = world.order(Target(percent=50), going_back=True)
    noted = annotations_of(backwards.decide(order, guarded(world.view()), Memory(), NOW_S))
    assert noted[marks.FAILED] == f"v2.{order.rollout}"


def test_only_guarded_workloads_are_noted_on_and_only_what_was_rolled_out() -> None:
    view = at_half().view()
    assert marks.FAILED not in released(view, "restore")
    assert marks.FAILED not in released(guarded(view, HELD="0a1b2c3d4e5f"), "restore")


def test_what_waits_again_and_is_taken_back_by_hand_stays_noted() -> None:
    """No rollout has taken it up a second time, so that there is nothing new to note."""
    waiting = guarded(at_half().view(), "v1", HELD="0a1b2c3d4e5f", FAILED=NOTE)
    assert marks.FAILED not in released(waiting, "restore", rollout="web-2")


@pytest.mark.parametrize(("mode", "forgets"), [("promote", True), ("let_go", True), ("restore", False)])
def test_a_version_that_is_released_to_its_end_is_forgotten(mode: str, forgets: bool) -> None:
    found = released(guarded(at_half().view(), FAILED=NOTE), mode, rollout="web-2")
    assert found[marks.FAILED] == (None if forgets else "v2.web-2")


@pytest.mark.parametrize(
    ("rollout", "forgets"), [("web-1.4", False), ("web-2", True)], ids=["noted in its own batches", "somebody did it"]
)
def test_the_stable_template_that_stands_already_forgets_unless_the_rollout_itself_put_it_there(
    rollout: str, forgets: bool
) -> None:
    view = guarded(at_half().view(), "v1", FAILED=NOTE)
    back = replace(view, template_digest="v1")
    assert (released(back, "restore", rollout).get(marks.FAILED, NOTE) is None) is forgets


def held(template: str, label: str, **annotations: str) -> View:
    """A change that is held, and that no rollout has taken up."""
    view = guarded(HeldWorld(NativeDeployment(10)).view(), label, HELD="0a1b2c3d4e5f", **annotations)
    return replace(view, template_digest=template)


def asked(view: View, guard: GuardSet = GUARD) -> RolloutRequested:
    step = held_change.decide(view, guard)
    assert isinstance(step, Ask)
    return step.request


def test_the_same_template_waits_for_somebody_when_it_comes_again() -> None:
    again = asked(held("v2", "v1", FAILED=NOTE))
    assert "failed already, in rollout web-1.4" in again.paused_because
    assert again.paused_because.isprintable()


@pytest.mark.parametrize("note", [{}, {"FAILED": "v3.web-1"}, {"FAILED": "nonsense"}])
def test_another_template_goes_on_as_the_guard_says(note: dict[str, str]) -> None:
    assert asked(held("v2", "v1", **note)).paused_because == ""
    always = replace(GUARD, request=replace(GUARD.request, paused_because="the board looks first"))
    assert asked(held("v2", "v1", **note), always).paused_because == "the board looks first"


def test_the_stable_template_over_a_change_that_waits_ends_it_and_forgets() -> None:
    waiting = asked(held("v2", "v1", FAILED=NOTE))
    view = held("v1", "v1", FAILED=NOTE)
    followed = guarded(view, "v1", HELD="f9e8d7c6b5a4.0a1b2c3d4e5f")
    step = held_change.decide(followed, GUARD)
    assert isinstance(step, GoBack)
    assert (step.rollout, step.attempt) == (waiting.rollout, "f9e8d7c6b5a4")
    assert step.body is not None
    assert step.body["metadata"]["annotations"] == {**dict.fromkeys(marks.ANNOTATIONS), marks.FAILED: None}


def test_a_change_that_slipped_past_and_was_undone_ends_its_own_rollout() -> None:
    late = asked(held("v2", "v1"))
    step = held_change.decide(held("v1", "v1"), GUARD)
    assert isinstance(step, GoBack)
    assert step.rollout == late.rollout


def test_a_guard_that_is_removed_takes_the_note_along() -> None:
    step = held_change.leave(guarded(at_half().view(), FAILED=NOTE))
    assert isinstance(step, Write)
    assert step.body["metadata"]["annotations"] == {marks.FAILED: None}


def test_a_note_names_a_rollout_whatever_dots_its_id_has() -> None:
    view = guarded(at_half().view(), FAILED=NOTE)
    assert failure_on(view.workload.metadata) == failed_before(view) == Failure("v2", "web-1.4")

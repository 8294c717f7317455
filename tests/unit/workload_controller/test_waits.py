"""Waits for what others have to do first: nothing is written meanwhile, and one that lasts is told at the deadline."""

from msgspec.structs import replace
from unit.workload_controller.test_convergence import NOW_S, TWENTY, cached, facts, fresh

from tidegate_contracts.facts import BatchStalled
from tidegate_workload_controller import turning
from tidegate_workload_controller.actions import Patch, Touch
from tidegate_workload_controller.convergence import decide
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.saved import saved_on


def test_a_scale_that_is_not_shared_out_is_told_at_the_deadline() -> None:
    world = fresh()
    order = world.order(TWENTY)
    world.scale(5)
    waiting = decide(order, cached(world.written.view()), Memory(), NOW_S)
    assert waiting.look_live
    waiting = decide(order, world.written.view(), Memory(), NOW_S)
    late_s = NOW_S + order.progress_deadline_s
    assert (waiting.actions, waiting.until_s) == ((), late_s)
    stalled = decide(order, world.written.view(), waiting.memory, late_s)
    (fact,) = facts(stalled)
    assert isinstance(fact, BatchStalled)
    assert "scale to 5" in fact.reason
    assert not decide(order, world.written.view(), stalled.memory, 2 * late_s).actions


def test_stable_pods_that_do_not_come_after_a_scale_to_nothing_are_told_at_the_deadline() -> None:
    world = fresh()
    world.apply(world.order(TWENTY))
    order = world.order(TWENTY)
    world.scale(0)
    world.native.until_still()
    parking = decide(order, world.written.view(), Memory(), NOW_S)
    world._act(parking)
    world.scale(10)
    waiting = decide(order, world.written.view(), parking.memory, NOW_S)
    assert not facts(waiting)
    (fact,) = facts(decide(order, world.written.view(), waiting.memory, NOW_S + order.progress_deadline_s))
    assert isinstance(fact, BatchStalled)
    assert "10 pods of the stable version" in fact.reason


def test_the_stable_version_again_waits_for_counts_that_are_true_and_says_so_at_the_deadline() -> None:
    """In the midst of a batch: its native controller would let pods go for those that it only thinks are there."""
    world = fresh()
    world._act(decide(world.order(TWENTY), world.written.view(), Memory(), NOW_S))
    world.native.until_still()
    newer = replace(world.order(TWENTY, template="v1"), rollout="r2")
    view = world.written.view()
    older = replace(view.workload.status, available_replicas=view.workload.status.available_replicas + 1)
    lagging = replace(view, workload=replace(view.workload, status=older))
    waiting = decide(newer, lagging, Memory(), NOW_S)
    assert not waiting.actions
    (fact,) = facts(decide(newer, lagging, waiting.memory, NOW_S + newer.progress_deadline_s))
    assert isinstance(fact, BatchStalled)
    assert turning.COUNTED in fact.reason
    (touch,) = decide(newer, view, Memory(), NOW_S).actions
    assert isinstance(touch, Touch)
    assert touch.body["spec"]["minReadySeconds"] is None


def test_the_stable_version_again_stops_what_moves_freely_before_it_is_let_go() -> None:
    world = fresh()
    world.apply(world.order(TWENTY))
    view = world.written.view()
    saved = saved_on(view.workload)
    assert saved is not None
    world.written.patch({"metadata": {"annotations": {}}, "spec": view.hold.moving(saved)})
    newer = replace(world.order(TWENTY, template="v1"), rollout="r2", canary_revision=None)
    stopped = decide(newer, world.written.view(), Memory(), NOW_S)
    (touch,) = stopped.actions
    assert isinstance(touch, Touch)
    assert touch.body["spec"] == {"paused": True}
    world.written.patch({**touch.body, "spec": {**view.hold.moving(saved), "paused": True}}, "v1")
    (patch,) = decide(newer, world.written.view(), stopped.memory, NOW_S).actions
    assert isinstance(patch, Patch)
    assert patch.body["spec"]["paused"] is None

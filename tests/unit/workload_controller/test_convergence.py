"""Single decisions on ApplyBatch orders: what is done at once, what only after a live look, and what is said once."""

import msgspec
import pytest
from msgspec.structs import replace
from support.held_world import HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_contracts.facts import (
    BatchDegraded,
    BatchReady,
    BatchRecovered,
    BatchStalled,
    WorkloadChanged,
    WorkloadFact,
    WorkloadGone,
)
from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_workload_controller import marks
from tidegate_workload_controller.actions import Decision, LabelPods, Patch, PutBack, Report, Touch
from tidegate_workload_controller.budget_hold import HOLD_MIN_READY_S
from tidegate_workload_controller.convergence import decide
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.objections import REPAIR_TOLD_AGAIN_S
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.seen import Condition, ContainerState, ContainerStatus, PodStatus, View, Waiting

TWENTY = Target(percent=20)
NOW_S = 5_000.0


def fresh(replicas: int = 10) -> HeldWorld:
    return HeldWorld(NativeDeployment(replicas))


def touched(world: HeldWorld, **more: object) -> ApplyBatch:
    """A first patch made, and new pods there but not ready."""
    order = world.order(TWENTY, **more)
    world._act(decide(order, world.written.view(), Memory(), NOW_S))
    world.native.until_still()
    return order


def facts(decision: Decision[Memory]) -> list[WorkloadFact]:
    return [action.fact for action in decision.actions if isinstance(action, Report)]


def cached(view: View) -> View:
    return replace(view, live=False)


def test_change_hold_fence_and_saved_strategy_go_in_one_patch() -> None:
    world = fresh()
    decision = decide(world.order(TWENTY), world.written.view(), Memory(), NOW_S)
    (touch,) = decision.actions
    assert isinstance(touch, Touch)
    assert touch.template_digest == "v2"
    spec = touch.body["spec"]
    assert spec["minReadySeconds"] == HOLD_MIN_READY_S
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "11%", "maxUnavailable": 0}}
    annotations = touch.body["metadata"]["annotations"]
    assert annotations[marks.ROLLOUT] == "r1"
    assert touch.body["metadata"]["labels"] == {marks.ORDER_REVISION: "1"}
    saved = msgspec.json.decode(annotations[marks.SAVED_STRATEGY], type=Saved)
    assert saved.strategy == world.written.strategy
    assert (saved.min_ready_seconds, saved.progress_deadline_seconds, saved.paused) == (None, 600, None)


def test_the_new_revision_is_looked_for_only_where_one_may_be_that_was_not_read() -> None:
    world = fresh()
    order = world.order(TWENTY)
    world._act(decide(order, world.written.view(), Memory(), NOW_S))
    view = cached(world.written.view())
    assert decide(order, view, Memory(), NOW_S).look_live
    waiting = decide(order, replace(view, unread=False), Memory(), NOW_S)
    assert not waiting.look_live
    assert not waiting.actions
    assert waiting.until_s is not None


def test_a_cached_view_is_never_enough_to_write_or_to_report() -> None:
    world = fresh()
    first = decide(world.order(TWENTY), cached(world.written.view()), Memory(), NOW_S)
    assert first.look_live
    assert not first.actions
    order = touched(world)
    world.native.ready_all()
    ready = decide(order, cached(world.written.view()), Memory(), NOW_S)
    assert ready.look_live
    assert not [action for action in ready.actions if not isinstance(action, LabelPods)]


def test_while_pods_start_nothing_is_written_and_nothing_is_read() -> None:
    world = fresh()
    order = touched(world)
    decision = decide(order, cached(world.written.view()), Memory(canary_revision="v2"), NOW_S)
    assert not decision.actions
    assert not decision.look_live
    assert decision.until_s == NOW_S + order.progress_deadline_s


def test_ready_pods_let_the_stable_ones_go_and_then_it_is_said() -> None:
    world = fresh()
    order = touched(world)
    world.native.ready_all()
    settling = decide(order, world.written.view(), Memory(), NOW_S)
    (patch,) = settling.actions
    assert isinstance(patch, Patch)
    assert patch.body["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": "20%"}
    world._act(settling)
    world.native.until_still()
    settled = decide(order, world.written.view(), settling.memory, NOW_S + 1.0)
    (fact,) = facts(settled)
    assert isinstance(fact, BatchReady)
    assert fact.settled
    assert fact.last_pod_ready_at_s == NOW_S
    assert not decide(order, world.written.view(), settled.memory, NOW_S + 2.0).actions


def test_the_next_order_takes_the_stable_pods_along() -> None:
    world = fresh()
    touched(world, settle=False)
    world.native.ready_all()
    decision = decide(world.order(Target(percent=40)), world.written.view(), Memory(), NOW_S)
    (patch,) = decision.actions
    assert isinstance(patch, Patch)
    assert patch.body["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "11%", "maxUnavailable": "20%"}
    world._act(decision)
    world.native.until_still()
    assert (world.native.told("v1"), world.native.told("v2")) == (8, 4)


def test_without_settling_the_stable_pods_stay() -> None:
    world = fresh()
    order = touched(world, settle=False, stable_minimum=1)
    world.native.ready_all()
    decision = decide(order, world.written.view(), Memory(), NOW_S)
    (report,) = decision.actions
    assert isinstance(report, Report)


def test_new_pods_are_labelled_once_with_their_batch() -> None:
    world = fresh()
    order = replace(touched(world), rollout="r1", batch=3, pod_labels={"example.com/batch": "b{{batch}}"})
    view = world.written.view()
    pods = tuple(
        replace(pod, metadata=replace(pod.metadata, labels={marks.POD_TEMPLATE_HASH: "v2"}))
        if "v2" in pod.metadata.name
        else pod
        for pod in view.pods
    )
    view = replace(view, pods=pods)
    decision = decide(order, view, Memory(), NOW_S)
    (labels,) = decision.actions
    assert isinstance(labels, LabelPods)
    assert labels.labels == {marks.POD_ROLLOUT_ID: "r1", marks.POD_BATCH: "3", "example.com/batch": "b3"}
    assert sorted(name for name, _ in labels.pods) == ["web-v2-1", "web-v2-2"]
    assert not decide(order, view, decision.memory, NOW_S).actions


def test_a_pod_is_labelled_once_it_is_placed() -> None:
    """While it is being bound our write would race with that one."""
    world = fresh()
    order = touched(world)
    view = world.written.view()
    made = [replace(pod, metadata=replace(pod.metadata, labels={marks.POD_TEMPLATE_HASH: "v2"})) for pod in view.pods]
    just_made = tuple(replace(pod, status=PodStatus(phase="Pending")) for pod in made if "v2" in pod.metadata.name)
    waiting = decide(order, replace(view, pods=just_made), Memory(), NOW_S)
    assert not [action for action in waiting.actions if isinstance(action, LabelPods)]
    unscheduled = PodStatus(phase="Pending", conditions=(Condition(type="PodScheduled", status="False"),))
    placed = (replace(just_made[0], status=unscheduled), *just_made[1:])
    (labels,) = decide(order, replace(view, pods=placed), waiting.memory, NOW_S).actions
    assert isinstance(labels, LabelPods)
    assert labels.pods == ((placed[0].metadata.name, placed[0].metadata.uid),)


def test_what_is_gone_is_said_once() -> None:
    order = fresh().order(TWENTY)
    decision = decide(order, None, Memory(), NOW_S)
    assert isinstance(facts(decision)[0], WorkloadGone)
    assert not decide(order, None, decision.memory, NOW_S).actions


def test_a_namesake_is_not_the_workload() -> None:
    world = fresh()
    decision = decide(world.order(TWENTY), world.written.view(), Memory(uid="another"), NOW_S)
    assert isinstance(facts(decision)[0], WorkloadGone)


def test_another_template_is_said_once_and_stops_every_write() -> None:
    world = fresh()
    order = touched(world)
    world.native.ready_all()
    view = replace(world.written.view(), template_digest="v9", changed_by="kubectl-edit")
    decision = decide(order, view, Memory(), NOW_S)
    (fact,) = facts(decision)
    assert isinstance(fact, WorkloadChanged)
    assert fact.by == "kubectl-edit"
    assert len(decision.actions) == 1
    assert not decide(order, view, decision.memory, NOW_S).actions


def test_a_newer_fence_stops_every_write() -> None:
    world = fresh()
    order = touched(world)
    world.written.labels[marks.ORDER_REVISION] = "99"
    world.native.ready_all()
    decision = decide(order, world.written.view(), Memory(), NOW_S)
    assert [type(fact) for fact in facts(decision)] == [WorkloadChanged]
    assert len(decision.actions) == 1


def test_a_hold_that_was_never_ours_to_lose_is_not_put_on_again() -> None:
    world = fresh()
    world.canary = "v2"
    decision = decide(world.order(TWENTY), world.written.view(), Memory(), NOW_S)
    assert [type(fact) for fact in facts(decision)] == [WorkloadChanged]


def test_an_edited_budget_is_put_back_every_time_and_said_again_after_a_while() -> None:
    """A GitOps tool writes it at each of its intervals: it can't insist until the hold is left off."""
    world = fresh()
    order = world.order(TWENTY)
    decision = decide(order, world.written.view(), Memory(), NOW_S)
    world._act(decision)
    world.written.strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "90%"}}
    memory, told_again_s = decision.memory, REPAIR_TOLD_AGAIN_S
    for at_s, said in ((0.0, 1), (1.0, 0), (2.0, 0), (told_again_s, 1), (told_again_s + 1.0, 0)):
        unsure = decide(order, cached(world.written.view()), memory, NOW_S + at_s)
        assert (unsure.look_live, unsure.actions) == (True, ())
        repair = decide(order, world.written.view(), memory, NOW_S + at_s)
        patch, *reports = repair.actions
        assert isinstance(patch, Patch)
        assert patch.body["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "11%", "maxUnavailable": 0}
        assert [type(each) for each in facts(repair)] == [WorkloadChanged] * said
        assert len(reports) == said
        memory = repair.memory


def test_no_pods_within_the_deadline_is_a_stall_and_their_coming_a_recovery() -> None:
    world = fresh()
    order = replace(touched(world), progress_deadline_s=30.0)
    view = world.written.view()
    waiting = decide(order, view, Memory(), NOW_S)
    assert not facts(waiting)
    stalled = decide(order, view, waiting.memory, NOW_S + 30.0)
    assert [type(fact) for fact in facts(stalled)] == [BatchStalled]
    assert not facts(decide(order, view, stalled.memory, NOW_S + 60.0))
    world.native.ready_all()
    ready = decide(order, world.written.view(), stalled.memory, NOW_S + 61.0)
    assert [type(fact) for fact in facts(ready)] == [BatchRecovered]


def test_a_further_pod_in_time_starts_the_deadline_anew() -> None:
    world = fresh()
    order = replace(touched(world), progress_deadline_s=30.0)
    first = decide(order, world.written.view(), Memory(), NOW_S)
    pods = world.native.sets["v2"].pods
    pods[next(iter(pods))] = True
    second = decide(order, world.written.view(), first.memory, NOW_S + 29.0)
    third = decide(order, world.written.view(), second.memory, NOW_S + 31.0)
    assert not facts(third)
    assert third.until_s == NOW_S + 59.0


@pytest.mark.parametrize(("restarts", "after_s"), [(2, None), (3, 3.0)])
def test_a_crash_loop_is_believed_after_three_restarts(restarts: int, after_s: float | None) -> None:
    world = fresh()
    order = touched(world)
    waiting = ContainerState(waiting=Waiting(reason="CrashLoopBackOff"))
    status = PodStatus(
        phase="Running", container_statuses=(ContainerStatus(name="app", restart_count=restarts, state=waiting),)
    )
    view = world.written.view()
    pods = tuple(replace(pod, status=status) if "v2" in pod.metadata.name else pod for pod in view.pods)
    view = replace(view, pods=pods)
    first = decide(order, view, Memory(), NOW_S)
    later = decide(order, view, first.memory, NOW_S + 3.0)
    assert bool(facts(later)) is (after_s is not None)


def test_a_ready_batch_that_breaks_is_degraded_after_five_seconds_and_recovers() -> None:
    world = fresh()
    order = touched(world)
    world.native.ready_all()
    settling = decide(order, world.written.view(), Memory(), NOW_S)
    world._act(settling)
    world.native.until_still()
    ready = decide(order, world.written.view(), settling.memory, NOW_S)
    broken = world.native.sets["v2"].pods
    broken[next(iter(broken))] = False
    world._act(ready)
    first = decide(order, world.written.view(), ready.memory, NOW_S + 1.0)
    assert not facts(first)
    assert first.until_s == NOW_S + 6.0
    degraded = decide(order, world.written.view(), first.memory, NOW_S + 6.0)
    assert [type(fact) for fact in facts(degraded)] == [BatchDegraded]
    world.native.ready_all()
    recovered = decide(order, world.written.view(), degraded.memory, NOW_S + 7.0)
    assert [type(fact) for fact in facts(recovered)] == [BatchRecovered]


def test_pods_that_carried_traffic_before_are_missed_by_a_copy_that_never_saw_them_ready() -> None:
    world = fresh()
    order = replace(touched(world), ready_before=2)
    first = decide(order, world.written.view(), Memory(), NOW_S)
    degraded = decide(order, world.written.view(), first.memory, NOW_S + 5.0)
    assert [type(fact) for fact in facts(degraded)] == [BatchDegraded]


def test_while_the_native_controller_scales_nothing_is_written_or_reported() -> None:
    world = fresh()
    world.apply(world.order(TWENTY))
    order = world.order(TWENTY)
    world.scale(5)
    decision = decide(order, world.written.view(), Memory(), NOW_S)
    assert not decision.actions
    assert decision.progress is not None
    assert "scale to 5" in decision.progress.waiting_for


def test_where_no_new_pod_can_come_nothing_is_touched_and_the_reason_is_said() -> None:
    world = HeldWorld(NativeDeployment(1, surge=0, unavailable=1))
    order = world.order(TWENTY, settle=False, stable_minimum=1)
    decision = decide(order, world.written.view(), Memory(), NOW_S)
    (fact,) = facts(decision)
    assert isinstance(fact, BatchStalled)
    assert "no surge" in fact.reason
    assert len(decision.actions) == 1
    assert not decide(order, world.written.view(), decision.memory, NOW_S).actions


def test_the_next_round_waits_until_every_pod_of_the_last_one_is_ready() -> None:
    world = fresh()
    order = replace(world.order(Target(percent=90)))
    world._act(decide(order, world.written.view(), Memory(), NOW_S))
    world.native.until_still()
    assert world.native.told("v2") == 5  # three on top and two instead
    pods = world.native.sets["v2"].pods
    pods[1] = pods[2] = pods[3] = True
    assert not decide(order, world.written.view(), Memory(), NOW_S).actions
    world.native.ready_all()
    (patch,) = decide(order, world.written.view(), Memory(), NOW_S).actions
    assert isinstance(patch, Patch)


def test_stable_pods_that_get_traffic_go_only_as_far_as_the_limits_force_them() -> None:
    world = fresh()
    touched(world, settle=False, stable_minimum=1)
    world.native.ready_all()
    further = world.order(Target(percent=40), settle=False, stable_minimum=1)
    (patch,) = decide(further, world.written.view(), Memory(), NOW_S).actions
    assert isinstance(patch, Patch)
    world._act(Decision(Memory(), (patch,)))
    world.native.until_still()
    assert (world.native.told("v1"), world.native.told("v2")) == (9, 4)


def test_without_pods_the_stable_template_waits_and_the_batch_starts_anew_from_it() -> None:
    world = fresh()
    world.apply(world.order(TWENTY))
    order = world.order(TWENTY)
    world.scale(0)
    world.native.until_still()
    parking = decide(order, world.written.view(), Memory(), NOW_S)
    (back,) = parking.actions
    assert isinstance(back, PutBack)
    assert back.revision == "v1"
    assert back.body["spec"]["minReadySeconds"] is None
    world._act(parking)
    parked = decide(order, world.written.view(), parking.memory, NOW_S)
    (fact,) = facts(parked)
    assert isinstance(fact, BatchReady)
    assert fact.target_pods == 0
    world.scale(10)
    world.native.until_still()
    world.native.ready_all()
    assert world.native.told("v1") == 10
    (again,) = decide(order, world.written.view(), parked.memory, NOW_S).actions
    assert isinstance(again, PutBack)
    assert again.revision == "v2"
    assert again.body["spec"]["minReadySeconds"] == HOLD_MIN_READY_S

"""Going back in batches: the traffic first, then one step's pods after the other, then the workload is given back."""

import pytest
from support.saga import ROUTE, Saga, request, step

from tidegate_contracts.controls import Cancel, JumpToStep, Retry, RollBack
from tidegate_contracts.facts import BatchStalled, WorkloadGone
from tidegate_contracts.orders import ApplyBatch, ReleaseWorkload, ShiftTraffic, Target
from tidegate_orchestrator.state import Stage

STEPS = (step("20%", 20), step("40%", 40), step("60%", 60), step("100%", 100))
PODS_ONLY = (step("20%"), step("40%"), step(6), step("100%"))


def at_step(number: int, *steps: object, **fields: object) -> Saga:
    saga = Saga()
    wanted = {"rollback": "in_batches", **({} if steps else {"traffic": (ROUTE,)}), **fields}
    saga.ask(request(*(steps or STEPS), **wanted))
    return saga.to_step(number)


def going_back(saga: Saga) -> ApplyBatch:
    order = saga.standing(ApplyBatch, saga.orders.workload)
    assert order.going_back
    return order


def test_the_traffic_leaves_first_then_one_batch_after_the_other() -> None:
    saga = at_step(3)
    saga.ready()
    assert saga.tell(RollBack(by="ann")) == ["RollbackStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).weight_percent == 0
    assert not saga.standing(ApplyBatch, saga.orders.workload).going_back
    assert saga.shifted() == ["BatchReturnStarted"]
    order = going_back(saga)
    assert (order.step, order.target, order.canary_revision) == (2, Target(percent=40), "v2")
    assert (order.stable_minimum, order.ready_before, order.settle) == (0, 0, True)
    assert saga.ready() == ["BatchReturnStarted"]
    assert going_back(saga).target == Target(percent=20)
    assert saga.ready() == ["PodsReleaseStarted"]
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "restore"
    assert saga.released() == ["TrafficReleaseStarted"]
    assert saga.traffic_released() == ["RolloutRolledBack"]


def test_without_traffic_it_starts_at_once() -> None:
    saga = at_step(3, *PODS_ONLY)
    assert saga.tell(RollBack(by="ann")) == ["RollbackStarted", "BatchReturnStarted"]
    assert going_back(saga).step == 2


def test_where_no_stable_pod_is_left_the_route_is_given_back_first() -> None:
    saga = at_step(4)
    saga.ready(settled=False)
    saga.shifted()
    assert saga.tell(RollBack(by="ann")) == ["RollbackStarted", "TrafficReleaseStarted"]
    assert saga.traffic_released() == ["BatchReturnStarted"]
    assert going_back(saga).target == Target(percent=60)


@pytest.mark.parametrize(("asked", "told"), [("in_batches", "at_once"), ("at_once", None)])
def test_at_once_where_that_is_wanted(asked: str, told: str | None) -> None:
    saga = at_step(3, *PODS_ONLY, rollback=asked)
    assert saga.tell(RollBack(by="ann", pace=told)) == ["RollbackStarted", "PodsReleaseStarted"]


def test_a_person_may_ask_for_batches_where_the_request_does_not() -> None:
    saga = at_step(3, *PODS_ONLY, rollback="at_once")
    assert saga.tell(RollBack(by="ann", pace="in_batches")) == ["RollbackStarted", "BatchReturnStarted"]


def test_from_the_first_step_there_is_one_batch_back_the_last() -> None:
    saga = at_step(1, *PODS_ONLY)
    saga.tell(JumpToStep(step=1, by="ann"))
    assert saga.tell(RollBack(by="ann")) == ["RollbackStarted", "PodsReleaseStarted"]


@pytest.mark.parametrize("style", ["canary", "blue_green"])
def test_where_every_stable_pod_stands_nothing_goes_in_batches(style: str) -> None:
    saga = at_step(3, strategy=style)
    saga.ready()
    saga.tell(RollBack(by="ann"))
    assert saga.shifted() == ["PodsReleaseStarted"]


def test_a_batch_that_does_not_come_back_waits_for_people() -> None:
    saga = at_step(3, *PODS_ONLY)
    saga.tell(RollBack(by="ann"))
    first = going_back(saga)
    stalled = BatchStalled(**saga.pod_fields(), step=2, reason="pulling the image fails")
    assert saga.report(stalled) == ["RolloutPaused"]
    assert saga.rollout.hold is not None
    assert saga.rollout.hold.reason == "the batch can't go back: pulling the image fails"
    assert saga.tell(Retry(by="ann")) == ["StepRetried"]
    again = going_back(saga)
    assert (again.step, again.revision > first.revision) == (2, True)
    assert saga.ready() == ["BatchReturnStarted"]


def test_halfway_somebody_has_enough_of_waiting() -> None:
    saga = at_step(3, *PODS_ONLY)
    saga.tell(RollBack(by="ann"))
    assert saga.tell(RollBack(by="ann")) == ["ControlRefused"]
    assert saga.tell(RollBack(by="ann", pace="at_once")) == ["RollbackStarted", "PodsReleaseStarted"]
    assert saga.tell(RollBack(by="ann", pace="at_once")) == ["ControlRefused"]
    assert saga.released() == ["RolloutRolledBack"]


def test_let_go_or_superseded_halfway() -> None:
    saga = at_step(3, *PODS_ONLY)
    saga.tell(RollBack(by="ann"))
    assert saga.tell(Cancel(by="ann")) == ["CancellationStarted", "PodsReleaseStarted"]
    saga = at_step(3, *PODS_ONLY)
    saga.tell(RollBack(by="ann"))
    assert saga.ask(request(*PODS_ONLY, rollout="web-9")) == ["RolloutSuperseded", "RolloutAccepted"]
    assert saga.rollout.stable_revision == "v1"


def test_a_workload_that_is_gone_has_no_batches() -> None:
    saga = at_step(3)
    saga.ready()
    saga.tell(RollBack(by="ann"))
    saga.shifted()
    assert getattr(saga.rollout.phase, "stage", None) is Stage.RETURNING
    assert saga.report(WorkloadGone(**saga.pod_fields())) == ["TrafficReleaseStarted"]
    assert saga.traffic_released() == ["RolloutFailed"]

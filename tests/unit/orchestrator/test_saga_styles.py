"""The styles in which every stable pod stays until the promotion: forward and back."""

import pytest
from support.saga import ANALYSIS, step
from support.saga_styles import METADATA, asked, both, in_trouble, promoting

from tidegate_contracts.controls import Cancel, JumpToStep, Resume, Retry, RollBack
from tidegate_contracts.facts import (
    BatchDegraded,
    WorkloadGone,
    WorkloadPromoted,
)
from tidegate_contracts.orders import (
    ApplyBatch,
    PrepareWorkload,
    PromoteWorkload,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
    Target,
)
from tidegate_orchestrator.state import Stage


@both
def test_a_step_costs_one_order_for_its_pods_and_traffic_may_rise_without_new_pods(style: str) -> None:
    saga = asked(style)
    saga.prepared()
    assert saga.shifted() == ["StepStarted"]
    assert saga.ready() == ["StepJudgingStarted", "StepCompleted", "StepStarted"]
    assert saga.ready() == ["StepJudgingStarted", "StepCompleted", "StepStarted"]
    third = saga.standing(ApplyBatch, saga.orders.workload)
    assert (third.step, third.target, third.style) == (3, Target(percent=100), style)
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.shifted() == ["StepJudgingStarted", "StepCompleted", "StepStarted"]
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).lowering


@both
def test_the_workload_is_promoted_before_the_route_is_given_back_and_the_rest_released_after_it(style: str) -> None:
    saga = asked(style, step("100%", 100))
    saga.to_step(1)
    saga.ready()
    assert saga.shifted() == ["StepJudgingStarted", "StepCompleted", "PromotionStarted", "PodsPromotionStarted"]
    promote = saga.standing(PromoteWorkload, saga.orders.workload)
    assert (promote.style, promote.stable_revision, promote.canary_revision) == (style, "v1", "v2")
    assert saga.standing(ShiftTraffic, saga.orders.traffic).weight_percent == 100
    assert saga.promoted() == ["TrafficReleaseStarted"]
    assert isinstance(saga.orders.workload, PromoteWorkload)
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style) == ("promote", style)
    assert saga.released() == ["RolloutCompleted"]


@both
def test_without_traffic_the_promotion_is_followed_by_the_release(style: str) -> None:
    saga = asked(style, step("50%"), step("100%"), traffic=())
    saga.to_step(2)
    assert saga.ready() == ["StepCompleted", "PromotionStarted", "PodsPromotionStarted"]
    assert saga.promoted() == ["PodsReleaseStarted"]
    assert saga.released() == ["RolloutCompleted"]


@both
def test_nothing_settles_before_a_step_is_judged(style: str) -> None:
    saga = asked(style, step("50%", 50, analysis=ANALYSIS), step("100%", 100))
    saga.to_step(1)
    batch = saga.standing(ApplyBatch, saga.orders.workload)
    assert batch.settle
    saga.ready()
    assert saga.shifted() == ["StepJudgingStarted"]
    assert saga.orders.workload == batch
    assert saga.judged() == ["StepCompleted", "StepStarted"]


def test_the_request_says_what_the_extra_pods_carry_and_how_many_pods_may_be_unready() -> None:
    saga = asked("canary", canary_metadata=METADATA, failure_threshold="10%")
    prepare = saga.standing(PrepareWorkload, saga.orders.workload)
    assert (prepare.style, prepare.canary_metadata) == ("canary", METADATA)
    saga.to_step(1)
    batch = saga.standing(ApplyBatch, saga.orders.workload)
    assert (batch.canary_metadata, batch.failure_threshold) == (METADATA, Target(percent=10))
    while not isinstance(saga.orders.workload, PromoteWorkload):
        saga.answer()
    assert saga.orders.workload.canary_metadata == METADATA


@pytest.mark.parametrize(
    ("threshold", "ready_before"), [(None, 10), (0, 10), (3, 7), ("25%", 7), (100, 1), ("100%", 1)], ids=str
)
def test_the_next_batch_is_degraded_only_by_more_unready_pods_than_may_be(
    threshold: int | str | None, ready_before: int
) -> None:
    saga = asked("blue_green", step("100%", 50), step("100%", 100), failure_threshold=threshold)
    saga.to_step(1)
    saga.ready()
    assert saga.shifted()[-1] == "StepStarted"
    assert saga.standing(ApplyBatch, saga.orders.workload).ready_before == ready_before


# back


@both
def test_all_traffic_on_all_new_pods_goes_back_to_the_stable_ones_before_the_pods_do(style: str) -> None:
    saga = asked(style, step("100%", 100, analysis=ANALYSIS))
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    assert saga.judged("fail") == ["RollbackStarted"]
    lowering = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (lowering.weight_percent, lowering.stable_revision, lowering.lowering) == (0, "v1", True)
    assert saga.shifted() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style) == ("restore", style)
    assert saga.released() == ["TrafficReleaseStarted"]
    assert saga.traffic_released() == ["RolloutRolledBack"]


@both
def test_all_traffic_before_all_pods_leaves_stable_pods_to_go_back_to(style: str) -> None:
    saga = asked(style, step("50%", 100), step("100%", 100, analysis=ANALYSIS))
    saga.to_step(2)
    assert saga.standing(ApplyBatch, saga.orders.workload).stable_minimum == 0
    saga.ready()
    assert saga.judged("fail") == ["RollbackStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).weight_percent == 0


@both
def test_a_jump_back_from_all_traffic_is_possible(style: str) -> None:
    saga = asked(style, step("100%", 20), step("100%", 100, analysis=ANALYSIS))
    saga.to_step(2)
    saga.ready()
    saga.shifted()
    assert saga.tell(JumpToStep(step=1)) == ["StepJumped", "TrafficShiftStarted"]
    assert saga.shifted() == ["StepStarted"]


@both
def test_pods_that_break_under_all_traffic_lose_it_to_the_stable_ones(style: str) -> None:
    saga = asked(style, step("100%", 100, analysis=ANALYSIS), on_failure="pause")
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    broken = BatchDegraded(**saga.pod_fields(), step=1, reason="3 of 10 ready", counts=saga.counts(10))
    assert saga.report(broken) == ["RolloutPaused"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).weight_percent == 0


@both
def test_once_the_workload_is_being_promoted_the_route_is_given_back_before_the_pods_go_back(style: str) -> None:
    saga = promoting(style)
    assert saga.tell(RollBack()) == ["RollbackStarted", "TrafficReleaseStarted"]
    assert isinstance(saga.orders.traffic, ReleaseTraffic)
    assert isinstance(saga.orders.workload, PromoteWorkload)
    assert saga.promoted() == []
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style) == ("restore", style)
    assert saga.released() == ["RolloutRolledBack"]


@both
def test_a_promotion_can_be_cancelled(style: str) -> None:
    saga = promoting(style)
    assert saga.tell(Cancel()) == ["CancellationStarted", "TrafficReleaseStarted"]
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "let_go"
    assert saga.released() == ["RolloutCancelled"]


@pytest.mark.parametrize("trouble", ["stalled", "changed", "traffic"])
def test_trouble_in_a_promotion_is_said_once_and_tried_again_when_somebody_says_so(trouble: str) -> None:
    saga = promoting("canary")
    assert saga.report(in_trouble(saga, trouble)) == ["RolloutPaused"]
    assert saga.wait(1000.0) == []
    first = saga.standing(PromoteWorkload, saga.orders.workload)
    assert saga.tell(Retry()) == ["StepRetried"]
    again = saga.standing(PromoteWorkload, saga.orders.workload)
    assert again.revision > first.revision
    saga.report(WorkloadPromoted(**{**saga.pod_fields(), "order_revision": first.revision}, counts=saga.counts(10)))
    assert saga.rollout.phase.stage is Stage.PROMOTING  # type: ignore[union-attr]
    if trouble == "traffic":
        saga.shifted()
    assert saga.promoted() == ["TrafficReleaseStarted"]
    saga.to_end()
    assert saga.terminal == "RolloutCompleted"


def test_a_promotion_that_recovers_by_itself_goes_on() -> None:
    saga = promoting("blue_green")
    saga.report(in_trouble(saga, "stalled"))
    assert saga.promoted() == ["TrafficReleaseStarted"]
    assert saga.rollout.hold is None


def test_resuming_a_doubtful_promotion_orders_it_again() -> None:
    saga = promoting("canary")
    saga.report(in_trouble(saga, "stalled"))
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    assert saga.rollout.pods.trouble is None
    assert saga.promoted() == ["TrafficReleaseStarted"]


def test_a_workload_deleted_in_its_promotion_has_its_routes_given_back() -> None:
    saga = promoting("canary")
    assert saga.report(WorkloadGone(**saga.pod_fields())) == ["TrafficReleaseStarted"]
    assert saga.traffic_released() == ["RolloutFailed"]
    assert isinstance(saga.orders.workload, ReleaseWorkload)


# one rollout after another

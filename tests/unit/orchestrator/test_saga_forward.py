"""A rollout that goes well: who is told what, and after which answer."""

from msgspec.structs import replace
from support.saga import ANALYSIS, ROUTE, Saga, request, step

from tidegate_contracts.comparison import Comparison
from tidegate_contracts.controls import Approve, RollBack
from tidegate_contracts.orders import (
    Analyse,
    ApplyBatch,
    PrepareWorkload,
    ReleaseAnalysis,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
)
from tidegate_contracts.rollout import Analysis, Check, HeaderChange, HttpMatch, Pause, Step, StepTraffic

COMPARING = Check(
    name="errors", query='x{pod=~"{{pods}}",revision="{{revision}}"}', compare=Comparison(direction="increase")
)
FRESH = Analysis(checks=(COMPARING,), baseline="fresh")


def test_without_traffic_a_ready_batch_leads_to_the_next_step_at_once() -> None:
    saga = Saga()
    assert saga.ask(request(step("20%"), step("60%"))) == ["RolloutAccepted"]
    assert isinstance(saga.orders.workload, PrepareWorkload)
    assert saga.prepared() == ["StepStarted"]
    assert saga.ready() == ["StepCompleted", "StepStarted"]
    assert saga.ready() == ["StepCompleted", "StepStarted"]
    assert saga.ready() == ["StepCompleted", "PromotionStarted", "PodsReleaseStarted"]
    assert isinstance(saga.orders.workload, ReleaseWorkload)
    assert saga.orders.workload.mode == "promote"
    assert saga.released() == ["RolloutCompleted"]
    assert saga.orders.traffic is None
    assert saga.orders.analysis is None


def test_with_traffic_the_order_is_pods_then_traffic_then_settling_and_verdict() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20, analysis=ANALYSIS), step("100%"), traffic=(ROUTE,)))
    assert saga.prepared() == ["TrafficPinStarted"]
    pin = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (pin.weight_percent, pin.canary_revision, pin.lowering) == (0, None, False)
    assert saga.shifted() == ["StepStarted"]
    batch = saga.standing(ApplyBatch, saga.orders.workload)
    assert (batch.settle, batch.stable_minimum, batch.canary_revision) == (False, 1, None)
    assert saga.ready() == ["TrafficShiftStarted"]
    shift = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (shift.weight_percent, shift.canary_revision, shift.lowering) == (20, "v2", False)
    assert saga.orders.analysis is None
    assert saga.shifted() == ["StepJudgingStarted"]
    assert saga.standing(ApplyBatch, saga.orders.workload).settle
    assert saga.standing(Analyse, saga.orders.analysis).step_analysis == ANALYSIS
    assert saga.judged() == []
    assert saga.ready() == ["StepCompleted", "StepStarted"]
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).lowering
    assert saga.shifted() == ["StepJudgingStarted"]
    assert saga.standing(ApplyBatch, saga.orders.workload).stable_minimum == 0
    assert saga.ready() == ["StepCompleted", "PromotionStarted", "TrafficReleaseStarted"]
    assert isinstance(saga.orders.analysis, ReleaseAnalysis)
    assert isinstance(saga.orders.traffic, ReleaseTraffic)
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    assert saga.released() == ["RolloutCompleted"]


def test_before_the_first_pod_routes_are_asked_for_the_words_for_every_step_and_later_only_for_its_own() -> None:
    saga = Saga()
    by_user = (HttpMatch(headers={"x-user": "ann"}),)
    matched = Step(replicas="60%", traffic=StepTraffic(weight_percent=20, matches=by_user))
    saga.ask(request(step("20%", 20), step("40%", 20), matched, step("100%"), traffic=(ROUTE,)))
    saga.prepared()
    planned = saga.standing(ShiftTraffic, saga.orders.traffic).planned
    assert [(each.step, each.weight_percent, each.matches) for each in planned] == [
        (1, 20, ()),
        (3, 20, by_user),
        (4, 100, ()),
    ]
    saga.shifted()
    saga.ready()
    assert saga.standing(ShiftTraffic, saga.orders.traffic).planned == ()


def test_before_the_first_pod_routes_are_asked_for_the_words_for_the_new_plan() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20), step("100%"), traffic=(ROUTE,)))
    saga.prepared()
    assert saga.replan(step("20%", 30), step("100%"), traffic=(ROUTE,)) == ["PlanChanged"]
    pin = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert [each.weight_percent for each in pin.planned] == [30, 100]
    assert pin.revision == saga.history[-1].revision
    assert saga.shifted() == ["StepStarted"]


def test_a_batch_before_a_pause_settles_first() -> None:
    saga = Saga()
    saga.ask(request(step("50%", pause=Pause(duration_s=30.0)), step("100%")))
    saga.to_step(1)
    assert saga.standing(ApplyBatch, saga.orders.workload).settle
    assert saga.ready(settled=False) == []
    assert saga.ready() == ["PauseStarted"]


def test_a_step_with_nothing_to_wait_for_leaves_the_settling_to_the_next_order() -> None:
    saga = Saga()
    saga.ask()
    saga.prepared()
    assert not saga.standing(ApplyBatch, saga.orders.workload).settle
    assert saga.ready(settled=False) == ["StepCompleted", "StepStarted"]


def test_a_timed_pause_ends_by_time_and_not_before() -> None:
    saga = Saga()
    saga.ask(request(step("50%", pause=Pause(duration_s=30.0)), step("100%")))
    saga.to_step(1)
    assert saga.ready() == ["PauseStarted"]
    assert saga.wait(29.9) == []
    assert saga.wait(0.1) == ["StepCompleted", "StepStarted"]


def test_a_pause_without_a_time_waits_for_approval() -> None:
    saga = Saga()
    saga.ask(request(step("50%", pause=Pause()), step("100%")))
    saga.to_step(1).ready()
    assert saga.wait(1e6) == []
    assert saga.tell(Approve(by="ann")) == ["StepCompleted", "StepStarted"]


def test_the_background_analysis_starts_with_the_first_judging_and_stands_unchanged() -> None:
    saga = Saga()
    saga.ask(request(step("50%"), step("100%"), analysis=ANALYSIS))
    saga.to_step(1)
    assert saga.ready() == ["StepJudgingStarted", "StepCompleted", "StepStarted"]
    first = saga.orders.analysis
    assert saga.ready() == ["StepCompleted", "PromotionStarted", "PodsReleaseStarted"]
    assert isinstance(first, Analyse)
    assert isinstance(saga.orders.analysis, ReleaseAnalysis)


def test_an_order_that_does_not_change_keeps_its_revision() -> None:
    saga = Saga()
    saga.ask(request(step("50%", 50), step("100%"), traffic=(ROUTE,)))
    saga.to_step(1)
    pin = saga.orders.traffic
    saga.ready()
    assert saga.orders.workload is not None
    assert saga.orders.traffic is not None
    assert pin is not None
    assert saga.orders.traffic.revision > pin.revision
    assert saga.orders.workload.revision < saga.orders.traffic.revision


def test_a_change_of_headers_is_ordered_with_its_step_and_taken_back_with_the_next() -> None:
    saga = Saga()
    change = HeaderChange(set={"x-version": "new"})
    same = StepTraffic(weight_percent=20)
    changed = Step(replicas="20%", traffic=replace(same, request_headers=change))
    saga.ask(request(changed, Step(replicas="40%", traffic=same), traffic=(ROUTE,)))
    saga.prepared()
    saga.shifted()
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).request_headers == change
    saga.shifted()
    saga.ready()
    assert saga.ready() == ["TrafficShiftStarted"], "the share is the same, the requests are not"
    assert saga.standing(ShiftTraffic, saga.orders.traffic).request_headers is None


def test_requests_are_copied_when_the_pods_are_ready_and_no_more_with_the_next_step() -> None:
    saga = Saga()
    copied = Step(replicas="20%", traffic=StepTraffic(mirror_percent=10))
    saga.ask(request(copied, step("40%", 40), traffic=(ROUTE,)))
    saga.prepared()
    saga.shifted()
    assert saga.standing(ShiftTraffic, saga.orders.traffic).mirror_percent == 0, "pods first"
    assert saga.ready() == ["TrafficShiftStarted"]
    shift = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (shift.weight_percent, shift.mirror_percent, shift.canary_pods) == (0, 10, 2)
    saga.shifted()
    saga.ready()
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).mirror_percent == 0


def test_copies_leave_before_the_pods_that_get_them() -> None:
    saga = Saga()
    copied = Step(replicas="20%", traffic=StepTraffic(mirror_percent=10), pause=Pause())
    saga.ask(request(copied, step("40%", 40), traffic=(ROUTE,)))
    saga.prepared()
    saga.shifted()
    saga.ready()
    saga.shifted()
    saga.ready()
    assert saga.tell(RollBack()) == ["RollbackStarted"]
    shift = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (shift.mirror_percent, shift.lowering) == (0, True)
    assert saga.shifted() == ["PodsReleaseStarted"]


def test_a_fresh_baseline_stands_while_its_step_does_and_no_longer() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20, analysis=FRESH), step("60%", 60, analysis=ANALYSIS), traffic=(ROUTE,)))
    saga.prepared()
    saga.shifted()
    assert saga.standing(ApplyBatch, saga.orders.workload).baseline
    saga.ready()
    assert saga.shifted() == ["StepJudgingStarted"]
    settling = saga.standing(ApplyBatch, saga.orders.workload)
    assert (settling.settle, settling.baseline) == (True, True)
    saga.ready()
    assert saga.judged("pass") == ["StepCompleted", "StepStarted"]
    assert not saga.standing(ApplyBatch, saga.orders.workload).baseline


def test_batches_that_go_back_have_no_baseline() -> None:
    steps = (step("20%", 20, analysis=FRESH), step("60%", 60, analysis=FRESH))
    saga = Saga()
    saga.ask(request(*steps, traffic=(ROUTE,), rollback="in_batches"))
    saga.to_step(2)
    saga.tell(RollBack())
    saga.shifted()
    order = saga.standing(ApplyBatch, saga.orders.workload)
    assert (order.going_back, order.baseline) == (True, False)


def test_a_share_may_fall_from_a_step_to_the_next_once_its_pods_are_there() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 50), step("40%", 10), step("100%"), traffic=(ROUTE,)))
    saga.to_step(2)
    assert saga.rollout.share[0] == 50
    assert saga.ready() == ["TrafficShiftStarted"]
    shift = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (shift.weight_percent, shift.lowering) == (10, True)
    assert saga.shifted() == ["StepJudgingStarted"]

"""The bake: every step is done, everybody is on the new version, and the way back is still open."""

import pytest
from msgspec.structs import replace
from support.saga import ANALYSIS, REPLICAS, ROUTE, Saga, request, step

from tidegate_contracts.controls import Approve, Cancel, JumpToStep, Pause, Resume, Retry, RollBack
from tidegate_contracts.decisions import BakeStarted, PromotionStarted
from tidegate_contracts.facts import AnalysisConcluded, BatchDegraded
from tidegate_contracts.orders import Analyse, ApplyBatch, ReleaseAnalysis, ShiftTraffic
from tidegate_contracts.rollout import Analysis, Bake
from tidegate_orchestrator.state import Baking
from tidegate_orchestrator.wakeup import next_wakeup

BAKE = Bake(duration_s=600.0, analysis=ANALYSIS)
STYLES = ("partition", "canary", "blue_green")


def baking(bake: Bake = BAKE, **fields: object) -> Saga:
    """A rollout with a route whose steps are done."""
    saga = Saga()
    saga.ask(request(step("50%", 50), step("100%", 100), traffic=(ROUTE,), bake=bake, **fields))
    return saga.to_bake()


def analysed(saga: Saga) -> Analyse:
    order = saga.orders.analysis
    assert isinstance(order, Analyse)
    return order


@pytest.mark.parametrize("style", STYLES)
def test_until_it_is_over_everything_stays_held_under_the_new_version(style: str) -> None:
    saga = baking(strategy=style)
    assert saga.rollout.phase == Baking(2, saga.now_s + 600.0)
    order = analysed(saga)
    assert (order.step_analysis, order.watch_until_s, order.deadline_s) == (
        ANALYSIS,
        saga.now_s + 600.0,
        600.0 + 3600.0,
    )
    assert isinstance(saga.orders.workload, ApplyBatch)
    assert isinstance(saga.orders.traffic, ShiftTraffic)
    assert saga.rollout.share == (100, ())
    assert not saga.rollout.ended


@pytest.mark.parametrize("style", STYLES)
def test_it_completes_when_its_time_is_over_and_its_analysis_has_passed(style: str) -> None:
    saga = baking(strategy=style)
    assert saga.wait(599.0) == []
    assert saga.judged(scope="bake") == []
    assert next_wakeup(saga.workload) == saga.now_s + 1.0
    assert saga.wait(1.0)[0] == "PromotionStarted"
    assert saga.to_end().terminal == "RolloutCompleted"


def test_time_alone_passes_no_bake_that_is_analysed() -> None:
    saga = baking()
    assert saga.wait(600.0) == []
    assert saga.wait(3600.0) == []
    assert saga.wait(5.0) == ["RolloutPaused"]
    assert saga.rollout.hold is not None
    assert saga.rollout.hold.reason == "no verdict on the bake for 4205 s"


def test_a_bake_without_an_analysis_is_over_with_its_time() -> None:
    saga = baking(Bake(duration_s=10.0))
    assert isinstance(saga.orders.analysis, ReleaseAnalysis | None)
    assert next_wakeup(saga.workload) == saga.now_s + 10.0
    assert saga.wait(10.0)[0] == "PromotionStarted"


def test_a_verdict_on_the_last_step_is_none_on_the_bake() -> None:
    saga = baking()
    saga.wait(600.0)
    assert saga.judged(scope="step") == []
    assert saga.judged(scope="bake")[0] == "PromotionStarted"


@pytest.mark.parametrize("style", STYLES)
def test_a_failing_verdict_goes_back_in_the_usual_order(style: str) -> None:
    saga = baking(strategy=style)
    said = saga.judged("fail", scope="bake")
    # In partition no stable pod is left that could take the requests: the user's own route is the way back.
    assert said == ["RollbackStarted", *(["TrafficReleaseStarted"] if style == "partition" else [])]
    assert (saga.rollout.share[0], saga.rollout.routed) == (0, True)
    assert saga.to_end().terminal == "RolloutRolledBack"


def test_what_is_wrong_in_the_background_goes_back_during_a_bake_too() -> None:
    saga = baking(analysis=ANALYSIS)
    assert analysed(saga).background_analysis == ANALYSIS
    assert saga.judged("fail", scope="background")[0] == "RollbackStarted"


def test_pods_that_break_during_a_bake_go_back() -> None:
    saga = baking(strategy="canary")
    degraded = BatchDegraded(**saga.pod_fields(), step=2, reason="crash", counts=saga.counts(REPLICAS))
    assert saga.report(degraded)[0] == "RollbackStarted"


def test_an_inconclusive_bake_pauses_and_is_done_again_with_its_step_when_told() -> None:
    saga = baking()
    assert saga.judged("inconclusive", scope="bake") == ["RolloutPaused"]
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    saga.to_bake()
    assert saga.said.count("BakeStarted") == 2
    assert saga.rollout.phase == Baking(2, saga.now_s + 600.0)


def test_an_inconclusive_bake_may_go_back_unless_somebody_answers() -> None:
    analysis = replace(ANALYSIS, on_inconclusive="roll_back", answer_within_s=60.0)
    saga = baking(Bake(duration_s=600.0, analysis=analysis))
    assert saga.judged("inconclusive", scope="bake") == ["RolloutPaused"]
    assert saga.wait(59.0) == []
    assert saga.wait(1.0)[0] == "RollbackStarted"


def test_a_bake_that_only_tells_completes_in_spite_of_a_failing_verdict() -> None:
    saga = baking(Bake(duration_s=600.0, analysis=replace(ANALYSIS, on_failure="go_on")))
    assert saga.judged("fail", scope="bake") == []
    assert saga.wait(600.0)[0] == "PromotionStarted"


# what people say meanwhile


def test_somebody_may_end_it_before_its_time() -> None:
    saga = baking()
    assert saga.tell(Approve(by="ann", step=1)) == ["ControlRefused"]
    assert saga.tell(Approve(by="ann", step=2))[0] == "PromotionStarted"
    event = next(event for event in saga.history if isinstance(event, PromotionStarted))
    assert event.approved_by == "ann"
    assert saga.to_end().terminal == "RolloutCompleted"


def test_an_approval_forgives_no_verdict_that_it_had_not_seen() -> None:
    saga = baking()
    saga.report_unseen(saga.verdict_fact("fail", "bake"))
    assert saga.tell(Approve(by="ann")) == ["RollbackStarted", "ControlRefused", "TrafficReleaseStarted"]


def test_paused_it_does_not_complete_before_somebody_resumes() -> None:
    saga = baking()
    assert saga.tell(Pause()) == ["RolloutPaused"]
    saga.judged(scope="bake")
    assert saga.wait(700.0) == []
    assert saga.tell(Approve()) == ["ControlRefused"]
    assert saga.tell(Resume())[:2] == ["RolloutResumed", "PromotionStarted"]


def test_a_pause_keeps_no_bad_version() -> None:
    saga = baking()
    saga.tell(Pause())
    assert saga.judged("fail", scope="bake")[0] == "RollbackStarted"


@pytest.mark.parametrize(("control", "end"), [(RollBack(), "RolloutRolledBack"), (Cancel(), "RolloutCancelled")])
@pytest.mark.parametrize("style", STYLES)
def test_it_can_be_turned_back_or_let_go(style: str, control: RollBack | Cancel, end: str) -> None:
    saga = baking(strategy=style)
    saga.tell(control)
    assert saga.to_end().terminal == end


def test_retried_it_begins_with_the_pods_of_its_step() -> None:
    saga = baking()
    assert saga.tell(Retry()) == ["StepRetried"]
    assert saga.to_bake().said.count("BakeStarted") == 2


def test_somebody_may_jump_back_from_it_where_stable_pods_are_left() -> None:
    assert baking().tell(JumpToStep(step=1)) == ["ControlRefused"]
    saga = baking(strategy="canary")
    assert saga.tell(JumpToStep(step=1)) == ["StepJumped", "TrafficShiftStarted"]
    assert saga.to_bake().to_end().terminal == "RolloutCompleted"


def test_a_newer_request_takes_over_and_the_baked_version_is_stable_where_it_is_everywhere() -> None:
    saga = baking()
    assert saga.ask(request(rollout="newer")) == ["RolloutSuperseded", "RolloutAccepted"]
    order = saga.orders.workload
    assert getattr(order, "mode", "") == "promote"


# another plan


def test_a_longer_bake_counts_from_its_own_beginning() -> None:
    saga = baking()
    begun_s = saga.now_s
    saga.wait(100.0)
    assert saga.replan(bake=replace(BAKE, duration_s=1000.0)) == ["PlanChanged"]
    assert saga.rollout.phase == Baking(2, begun_s + 1000.0)
    assert analysed(saga).watch_until_s == begun_s + 1000.0


def test_a_bake_that_is_taken_out_is_past() -> None:
    assert baking().replan(bake=None)[:2] == ["PlanChanged", "PromotionStarted"]


def test_a_bake_that_is_judged_otherwise_is_measured_anew() -> None:
    saga = baking()
    other = replace(ANALYSIS, on_failure="pause")
    assert saga.replan(bake=replace(BAKE, analysis=other)) == ["PlanChanged"]
    assert analysed(saga).step_analysis == other
    assert saga.judged("fail", scope="bake") == ["RolloutPaused"]


def test_a_plan_that_leaves_the_bake_alone_leaves_its_analysis_alone() -> None:
    saga = baking()
    before = saga.orders.analysis
    assert saga.replan(on_failure="pause") == ["PlanChanged"]
    assert saga.orders.analysis == before


def test_a_bake_may_be_asked_for_as_long_as_the_last_step_is_not_done() -> None:
    saga = Saga()
    saga.ask()
    saga.to_step(2)
    saga.replan(bake=Bake(duration_s=5.0))
    assert saga.to_bake().said.count("BakeStarted") == 1


def test_without_traffic_the_stable_pods_have_gone_before_it_begins() -> None:
    saga = Saga()
    saga.ask(request(bake=BAKE))
    saga.to_step(2)
    assert saga.ready(settled=False) == []
    assert saga.ready() == ["StepCompleted", "BakeStarted"]
    event = saga.history[-1]
    assert isinstance(event, BakeStarted)
    assert (event.step, event.until_s) == (2, saga.now_s + 600.0)


def test_a_verdict_of_an_earlier_bake_is_none_on_the_next() -> None:
    saga = baking()
    late = saga.verdict_fact("pass", "bake")
    saga.tell(Retry())
    saga.to_bake()
    saga.wait(600.0)
    assert isinstance(late, AnalysisConcluded)
    assert saga.report(late) == []


def test_a_bake_needs_something_to_judge_by_where_it_is_to_be_judged() -> None:
    saga = Saga()
    assert saga.ask(request(bake=Bake(duration_s=5.0, analysis=Analysis()))) == ["RolloutRejected"]

"""Another plan for a rollout under way: where it goes on, what counts at once, what stays, and what is refused."""

from typing import Any

import pytest
from support.saga import ANALYSIS, ROUTE, Saga, request, step

from tidegate_contracts.controls import Approve, Pause, Replan, Resume, Retry, RollBack
from tidegate_contracts.decisions import ControlRefused, PlanChanged
from tidegate_contracts.orders import Analyse, ApplyBatch, ReleaseAnalysis, ShiftTraffic, Target
from tidegate_contracts.rollout import (
    Analysis,
    CanaryMetadata,
    Change,
    HeaderChange,
    HttpMatch,
    PodHealth,
    Step,
    StepTraffic,
    TrafficReference,
)
from tidegate_contracts.rollout import Pause as StepPause
from tidegate_contracts.workload import WorkloadReference
from tidegate_orchestrator.inputs import Told
from tidegate_orchestrator.state import Ending, Pausing
from tidegate_orchestrator.wakeup import next_wakeup

WAIT = StepPause()
OTHER = Analysis(pod_health=PodHealth())
LAST = step("100%")


def begun(*steps: Step, number: int = 1, **fields: Any) -> Saga:
    saga = Saga()
    saga.ask(request(*steps, **fields))
    return saga.to_step(number)


def waiting(pause: StepPause = WAIT, **fields: Any) -> Saga:
    """At the end of a step to 20 %."""
    saga = begun(step("20%", pause=pause), step("60%"), LAST, **fields)
    saga.ready()
    assert isinstance(saga.rollout.phase, Pausing)
    return saga


def batch(saga: Saga) -> ApplyBatch:
    return saga.standing(ApplyBatch, saga.orders.workload)


def refused(saga: Saga) -> list[str]:
    event = saga.history[-1]
    assert isinstance(event, ControlRefused)
    return [each.field for each in event.problems or (event.problem,)]


def change(saga: Saga) -> PlanChanged:
    return next(event for event in reversed(saga.history) if isinstance(event, PlanChanged))


# the pause


def test_a_pause_that_is_taken_out_is_over_at_once() -> None:
    saga = waiting()
    assert saga.replan(step("20%"), step("60%"), LAST) == ["PlanChanged", "StepCompleted", "StepStarted"]
    assert batch(saga).step == 2


@pytest.mark.parametrize("before", [WAIT, StepPause(duration_s=500.0)])
def test_a_pause_counts_from_its_own_beginning(before: StepPause) -> None:
    saga = waiting(before)
    began_s = saga.now_s
    saga.wait(20.0)
    assert saga.replan(step("20%", pause=StepPause(duration_s=30.0)), LAST) == ["PlanChanged"]
    assert next_wakeup(saga.workload) == began_s + 30.0
    assert saga.wait(9.0) == []
    saga.replan(step("20%", pause=StepPause(duration_s=25.0)), LAST)
    assert saga.said[-2:] == ["StepCompleted", "StepStarted"], "25 s of it have passed already"


def test_a_pause_may_be_made_to_wait_for_somebody() -> None:
    saga = waiting(StepPause(duration_s=5.0))
    assert saga.replan(step("20%", pause=WAIT), LAST) == ["PlanChanged"]
    assert saga.wait(100.0) == []
    assert saga.tell(Approve(step=1)) == ["StepCompleted", "StepStarted"]


def test_an_approval_stays_given() -> None:
    saga = waiting()
    saga.tell(Approve())
    assert saga.replan(step("20%", pause=WAIT), step("60%"), step("80%"), LAST) == ["PlanChanged"]
    assert saga.ready() == ["StepCompleted", "StepStarted"]
    assert batch(saga).target == Target(percent=80)


# pods


def test_more_pods_for_the_step_in_hand_are_ordered_at_once() -> None:
    saga = waiting()
    assert saga.replan(step("40%", pause=WAIT), LAST) == ["PlanChanged", "StepStarted"]
    assert (batch(saga).step, batch(saga).target) == (1, Target(percent=40))
    assert saga.ready() == ["PauseStarted"]


@pytest.mark.parametrize(
    ("steps", "goes_on"),
    [
        ((step("10%"), step("60%"), LAST), 2),
        ((step("5%"), step("10%"), step("20%"), step("50%"), LAST), 3),
        ((step(1), step(2, pause=WAIT), LAST), 2),
        ((step("5%"),), 2),
        ((step("20%", pause=WAIT), LAST), 1),
        ((step(2, pause=WAIT), LAST), 1),
    ],
)
def test_it_goes_on_where_no_pod_has_to_go(steps: tuple[Step, ...], goes_on: int) -> None:
    """The step in hand first, then from the first one on; counts and percentages are compared as pods."""
    saga = waiting()
    saga.replan(*steps, on_failure="pause")
    assert change(saga).step == saga.rollout.step == goes_on
    target = batch(saga).target
    assert (target.count or 0) + (target.percent or 0) * 10 // 100 >= 2


def test_a_plan_with_fewer_steps_goes_on_at_its_last() -> None:
    saga = begun(step("20%"), step("40%"), step("60%"), LAST, number=3)
    saga.replan(step("30%"), LAST)
    assert (batch(saga).step, batch(saga).target) == (2, Target(percent=100))


def test_later_steps_alone_leave_the_step_in_hand_as_it_is() -> None:
    saga = begun(step("20%"), step("40%"), LAST)
    before = saga.orders
    assert saga.replan(step("20%"), step("50%"), step("70%"), LAST) == ["PlanChanged"]
    assert saga.orders == before
    assert saga.ready() == ["StepCompleted", "StepStarted"]
    assert batch(saga).target == Target(percent=50)


def test_a_step_that_has_to_wait_now_settles_first() -> None:
    """Its batch was ordered to pass through: what nobody was told to settle would be waited for in vain."""
    saga = begun(step("20%"), LAST)
    assert not batch(saga).settle
    assert saga.replan(step("20%", pause=WAIT), LAST) == ["PlanChanged", "StepStarted"]
    assert batch(saga).settle
    assert saga.ready() == ["PauseStarted"]


def test_before_the_first_step_only_the_plan_changes() -> None:
    saga = Saga()
    saga.ask(request(step("20%"), LAST))
    assert saga.replan(step("70%"), LAST) == ["PlanChanged"]
    assert change(saga).step == 0
    saga.to_step(1)
    assert batch(saga).target == Target(percent=70)


# traffic


def shifted(*steps: Step, number: int = 1, **fields: Any) -> Saga:
    """Where the step's traffic has arrived."""
    saga = begun(*steps, number=number, traffic=(ROUTE,), **fields)
    saga.ready()
    saga.shifted()
    return saga


def test_more_traffic_comes_on_pods_that_are_read_again() -> None:
    saga = shifted(step("20%", 20, pause=WAIT), LAST)
    saga.ready()
    assert saga.replan(step("20%", 30, pause=WAIT), LAST) == ["PlanChanged", "StepStarted"]
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.rollout.share[0] == 30


def test_other_headers_for_the_same_share_are_another_order() -> None:
    saga = shifted(step("20%", 20, pause=WAIT), LAST)
    saga.ready()
    marked = StepTraffic(weight_percent=20, request_headers=HeaderChange(set={"x-release": "next"}))
    wanted = Step(replicas="20%", traffic=marked, pause=WAIT)
    assert saga.replan(wanted, LAST) == ["PlanChanged", "StepStarted"]
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).request_headers == marked.request_headers


def test_less_traffic_leaves_before_anything_else() -> None:
    saga = shifted(step("20%", 20, pause=WAIT), LAST)
    assert saga.replan(step("20%", 5, pause=WAIT), LAST) == ["PlanChanged", "TrafficShiftStarted"]
    order = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (order.weight_percent, order.lowering) == (5, True)
    assert saga.shifted() == ["StepStarted"]


def test_matches_that_come_with_a_falling_share_wait_for_their_pods() -> None:
    """Found by the simulation: a share that falls is ordered first."""
    saga = shifted(step("20%", 20, pause=WAIT), LAST)
    saga.ready()
    matched = StepTraffic(weight_percent=0, matches=(HttpMatch(headers={"user": "ann"}),))
    assert saga.replan(Step(replicas="50%", traffic=matched, pause=WAIT), LAST)[1] == "TrafficShiftStarted"
    assert saga.rollout.share == (0, ())
    assert [saga.shifted(), saga.ready()] == [["StepStarted"], ["TrafficShiftStarted"]]
    assert saga.rollout.share == (0, matched.matches)


def test_traffic_that_stable_pods_cannot_take_stays() -> None:
    steps = (step("50%", 100, pause=WAIT), step(10, 100, pause=WAIT))
    saga = shifted(*steps, LAST)
    saga.ready()
    saga.tell(Approve())
    saga.ready()
    saga.ready()
    assert saga.rollout.stable_gone
    assert saga.replan(step("50%", 50), step(10, 50, pause=WAIT), LAST) == ["ControlRefused"]
    assert refused(saga) == ["control"]
    assert saga.replan(step("50%", 100), step(10, 100), LAST)[0] == "PlanChanged"


# analyses


def judging(**fields: Any) -> Saga:
    saga = begun(step("20%", analysis=ANALYSIS), LAST, **fields)
    saga.ready()
    return saga


def test_a_step_is_measured_by_the_new_analysis() -> None:
    saga = judging()
    late = saga.verdict_fact("pass", "step")
    assert saga.replan(step("20%", analysis=OTHER), LAST) == ["PlanChanged"]
    assert saga.standing(Analyse, saga.orders.analysis).step_analysis == OTHER
    assert saga.report(late) == []
    assert saga.judged() == ["StepCompleted", "StepStarted"]


def test_an_analysis_that_is_taken_out_is_not_waited_for() -> None:
    saga = judging()
    assert saga.replan(step("20%"), LAST) == ["PlanChanged", "StepCompleted", "StepStarted"]
    assert isinstance(saga.orders.analysis, ReleaseAnalysis)


def test_an_analysis_that_comes_in_a_pause_judges_the_step_first() -> None:
    saga = waiting()
    assert saga.replan(step("20%", pause=WAIT, analysis=ANALYSIS), LAST) == ["PlanChanged", "StepStarted"]
    assert saga.ready() == ["StepJudgingStarted"]
    assert saga.judged() == ["PauseStarted"]


def test_the_background_analysis_begins_changes_and_ends() -> None:
    saga = waiting()
    saga.replan(analysis=ANALYSIS)
    assert saga.standing(Analyse, saga.orders.analysis).background_analysis == ANALYSIS
    saga.replan(analysis=OTHER)
    order = saga.standing(Analyse, saga.orders.analysis)
    assert (order.background_analysis, order.step_analysis) == (OTHER, None)
    saga.replan(analysis=None)
    assert isinstance(saga.orders.analysis, ReleaseAnalysis)
    assert isinstance(saga.rollout.phase, Pausing)


# what holds it, and what went wrong


def test_a_rollout_that_somebody_paused_stays_paused() -> None:
    saga = waiting()
    saga.tell(Pause(by="ann"))
    assert saga.replan(step("20%"), step("60%"), LAST) == ["PlanChanged"]
    assert saga.tell(Resume()) == ["RolloutResumed", "StepCompleted", "StepStarted"]


def test_one_that_was_paused_begins_its_step_anew_when_it_goes_on() -> None:
    saga = waiting()
    saga.tell(Pause(by="ann"))
    before = saga.orders
    assert saga.replan(step("40%"), LAST) == ["PlanChanged"]
    assert saga.orders == before
    assert saga.tell(Resume()) == ["RolloutResumed", "StepStarted"]
    assert batch(saga).target == Target(percent=40)


@pytest.mark.parametrize("steps", [(step("20%", analysis=OTHER), LAST), (step("40%"), LAST), (step("20%"), LAST)])
def test_a_failing_verdict_is_not_forgiven(steps: tuple[Step, ...]) -> None:
    saga = judging(on_failure="pause")
    saga.judged("fail")
    assert saga.replan(*steps) == ["PlanChanged"]
    assert saga.rollout.hold is not None
    assert saga.replan(*steps, on_failure="roll_back")[:2] == ["PlanChanged", "RollbackStarted"]


def test_after_a_failing_verdict_the_step_is_tried_by_the_new_plan_once_somebody_resumes() -> None:
    saga = judging(on_failure="pause")
    saga.judged("fail")
    saga.replan(step("20%", analysis=OTHER), LAST)
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    assert saga.ready() == ["StepJudgingStarted"]
    assert saga.standing(Analyse, saga.orders.analysis).step_analysis == OTHER


def test_a_verdict_that_came_just_before_counts_first() -> None:
    saga = judging()
    saga.report_unseen(saga.verdict_fact("fail", "step"))
    assert saga.replan(step("20%"), LAST)[:2] == ["RollbackStarted", "ControlRefused"]


def test_a_threshold_counts_for_the_batch_in_hand() -> None:
    saga = waiting()
    was = batch(saga)
    assert saga.replan(failure_threshold=1) == ["PlanChanged"]
    assert (batch(saga).failure_threshold, batch(saga).step) == (Target(count=1), was.step)
    assert batch(saga).revision > was.revision
    assert saga.rollout.ready_pods == 1
    assert saga.ready() == []
    assert saga.tell(Approve()) == ["StepCompleted", "StepStarted"]


def test_going_back_in_batches_finds_its_place_in_the_new_plan() -> None:
    saga = begun(step("20%"), step("40%"), step("60%", pause=WAIT), LAST, number=3, rollback="in_batches")
    saga.ready()
    saga.tell(Pause(by="ann"))
    saga.replan(step("50%"), step("70%"), LAST)
    assert saga.tell(RollBack()) == ["RollbackStarted", "BatchReturnStarted"]
    assert (batch(saga).going_back, batch(saga).target) == (True, Target(percent=50))
    assert saga.ready() == ["PodsReleaseStarted"]


# what is refused


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"workload": WorkloadReference(name="other")}, "workload"),
        ({"rollout": "other"}, "rollout"),
        ({"change": Change(images={"web": "web:v3"})}, "change"),
        ({"strategy": "blue_green"}, "strategy"),
        ({"strategy": "canary", "canary_metadata": CanaryMetadata(labels={"a": "b"})}, "canary_metadata"),
        ({"traffic": (TrafficReference(route="shop", service="web"),)}, "traffic"),
    ],
)
def test_what_a_rollout_is_of_stays(fields: dict[str, Any], field: str) -> None:
    saga = waiting()
    before = saga.orders
    assert saga.replan(**fields) == ["ControlRefused"]
    assert f"request.{field}" in refused(saga)
    assert saga.orders == before


def test_every_fault_of_a_plan_is_told() -> None:
    saga = waiting()
    assert saga.replan(step("0%"), step("101%", pause=StepPause(duration_s=-1.0))) == ["ControlRefused"]
    told = ["request.steps[0].replicas", "request.steps[1].replicas", "request.steps[1].pause.duration_s"]
    assert refused(saga) == told


def test_the_same_plan_is_refused_and_so_is_any_in_an_end() -> None:
    saga = waiting()
    assert saga.replan() == ["ControlRefused"]
    saga.tell(RollBack())
    assert saga.replan(step("70%")) == ["ControlRefused"]
    saga.to_end()
    assert saga.replan(step("70%")) == ["ControlRefused"]


def test_a_promotion_and_a_superseded_rollout_refuse_it() -> None:
    saga = waiting()
    older = saga.rollout
    saga.ask(request(step("20%"), LAST))
    asked = Replan(request=request(step("70%"), LAST))
    assert saga.tell(asked, older.id) == ["ControlRefused"]
    saga.to_step(2).ready()
    assert isinstance(saga.rollout.phase, Ending)
    assert saga.replan(step("70%")) == ["ControlRefused"]


def test_the_same_control_delivered_twice_counts_once() -> None:
    saga = waiting()
    control = Replan(request=request(step("20%", pause=StepPause(duration_s=50.0)), LAST))
    message = Told(id="edit", rollout=saga.rollout.id, control=control)
    assert saga.when(message) == ["PlanChanged"]
    saga.replan(step("20%", pause=WAIT), LAST)
    assert saga.when(message) == []
    assert saga.rollout.plan[0].pause == WAIT


def test_who_asked_for_the_rollout_stays_on_record() -> None:
    saga = waiting(requested_by="ann", reason="a new version")
    saga.replan(step("30%"), LAST, requested_by="ben", reason="faster")
    kept = saga.rollout.request
    assert (kept.requested_by, kept.reason, change(saga).by) == ("ann", "a new version", "ann")


def test_a_retry_does_the_step_by_the_new_plan() -> None:
    saga = begun(step("20%"), LAST)
    saga.replan(step("20%"), step("50%"), LAST)
    assert saga.tell(Retry()) == ["StepRetried"]
    assert saga.ready() == ["StepCompleted", "StepStarted"]
    assert batch(saga).target == Target(percent=50)

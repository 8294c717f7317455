"""What people tell a rollout: what it brings about, and what is refused with which remedy."""

import pytest
from support.saga import ANALYSIS, ROUTE, Saga, request, step

from tidegate_contracts.controls import Approve, Cancel, Control, JumpToStep, Pause, Resume, Retry, RollBack
from tidegate_contracts.decisions import ControlRefused, RolloutPaused
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload, ReleaseWorkload, ShiftTraffic
from tidegate_contracts.rollout import Pause as StepPause
from tidegate_orchestrator.inputs import Told


def refusal(saga: Saga) -> ControlRefused:
    event = saga.history[-1]
    assert isinstance(event, ControlRefused)
    return event


def at_step(number: int, **fields: object) -> Saga:
    saga = Saga()
    steps = (step("20%", 20), step("40%", 40), step("80%", 80), step("100%"))
    saga.ask(request(*steps, traffic=(ROUTE,), **fields))
    return saga.to_step(number)


def test_a_paused_rollout_raises_nothing_and_remembers_what_is_reported() -> None:
    saga = Saga()
    saga.ask()
    saga.to_step(1)
    assert saga.tell(Pause(by="ann")) == ["RolloutPaused"]
    assert saga.ready() == []
    assert saga.tell(Resume(by="ann")) == ["RolloutResumed", "StepCompleted", "StepStarted"]


def test_traffic_is_not_raised_on_pods_that_were_read_before_a_pause() -> None:
    saga = at_step(2)
    saga.tell(Pause())
    saga.ready()
    before = saga.orders.workload
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    assert saga.orders.workload != before
    assert saga.ready() == ["TrafficShiftStarted"]


def test_a_pause_over_a_timed_pause_outlasts_it() -> None:
    saga = Saga()
    saga.ask(request(step("50%", pause=StepPause(duration_s=5.0)), step("100%")))
    saga.to_step(1).ready()
    saga.tell(Pause())
    assert saga.wait(100.0) == []
    assert saga.tell(Resume()) == ["RolloutResumed", "StepCompleted", "StepStarted"]


def test_the_same_control_delivered_twice_counts_once() -> None:
    saga = Saga()
    pause = StepPause()
    saga.ask(request(step("20%", pause=pause), step("40%", pause=pause), step("100%")))
    saga.to_step(1).ready()
    approval = Told(id="click", rollout=saga.rollout.id, control=Approve())
    assert saga.when(approval) == ["StepCompleted", "StepStarted"]
    saga.ready()
    assert saga.when(approval) == []


def test_an_approval_names_who_gave_it() -> None:
    saga = Saga()
    saga.ask(request(step("20%", pause=StepPause()), step("100%")))
    saga.to_step(1).ready()
    saga.tell(Approve(by="ann"))
    assert [event.approved_by for event in saga.history if hasattr(event, "approved_by")] == ["ann"]


def test_a_late_approval_of_another_step_is_refused() -> None:
    saga = Saga()
    saga.ask(request(step("20%", pause=StepPause()), step("100%")))
    saga.to_step(1).ready()
    assert saga.tell(Approve(step=2)) == ["ControlRefused"]
    assert saga.tell(Approve(step=1)) == ["StepCompleted", "StepStarted"]


@pytest.mark.parametrize("control", [Approve(), Resume(), JumpToStep(step=9), JumpToStep(step=0)])
def test_a_control_that_makes_no_sense_is_refused_with_a_remedy(control: Control) -> None:
    saga = at_step(2)
    orders = saga.orders
    assert saga.tell(control) == ["ControlRefused"]
    assert refusal(saga).problem.remedy
    assert saga.orders == orders


def test_a_held_rollout_is_not_approved() -> None:
    saga = Saga()
    saga.ask(request(step("20%", pause=StepPause()), step("100%")))
    saga.to_step(1).ready()
    saga.tell(Pause())
    assert saga.tell(Approve()) == ["ControlRefused"]
    assert saga.tell(Pause()) == ["ControlRefused"]


def test_a_jump_forward_orders_that_steps_pods() -> None:
    saga = at_step(1)
    assert saga.tell(JumpToStep(step=3)) == ["StepJumped", "StepStarted"]
    assert saga.standing(ApplyBatch, saga.orders.workload).step == 3
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.rollout.share[0] == 80


def test_a_jump_back_takes_the_traffic_away_first() -> None:
    saga = at_step(3)
    batch = saga.orders.workload
    assert saga.tell(JumpToStep(step=1)) == ["StepJumped", "TrafficShiftStarted"]
    lowering = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (lowering.weight_percent, lowering.lowering) == (20, True)
    assert saga.orders.workload == batch
    assert saga.shifted() == ["StepStarted"]
    assert saga.ready() == ["StepJudgingStarted"]


def test_a_jump_back_to_stable_pods_that_are_gone_is_refused() -> None:
    saga = at_step(4)
    saga.ready()
    saga.shifted()
    assert saga.tell(JumpToStep(step=1)) == ["ControlRefused"]


def test_a_jump_leaves_a_doubt_behind() -> None:
    saga = Saga()
    saga.ask(request(step("20%", analysis=ANALYSIS), step("40%"), step("100%")))
    saga.to_step(1).ready()
    saga.judged("inconclusive")
    assert saga.tell(JumpToStep(step=2)) == ["StepJumped", "StepStarted"]
    assert saga.ready() == ["StepCompleted", "StepStarted"]


def test_a_retry_judges_the_step_anew_and_only_the_new_verdict_counts() -> None:
    saga = Saga()
    saga.ask(request(step("20%", analysis=ANALYSIS), step("100%")))
    saga.to_step(1).ready()
    saga.judged("inconclusive")
    assert saga.tell(Retry()) == ["StepRetried"]
    assert saga.ready() == ["StepJudgingStarted"]
    assert saga.judged("pass") == ["StepCompleted", "StepStarted"]


def test_a_resume_after_a_doubt_is_a_retry() -> None:
    saga = Saga()
    saga.ask(request(step("20%", analysis=ANALYSIS), step("100%"), on_failure="pause"))
    saga.to_step(1).ready()
    saga.judged("fail")
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    assert saga.ready() == ["StepJudgingStarted"]


def test_a_retry_does_not_forget_a_verdict_that_nobody_has_seen() -> None:
    saga = Saga()
    saga.ask(request(step("50%"), step("100%"), analysis=ANALYSIS, on_failure="pause"))
    saga.to_step(2)
    saga.report_unseen(saga.verdict_fact("fail", "background"))
    assert saga.tell(Retry()) == ["StepRetried", "RolloutPaused"]


def test_a_cancelled_rollout_gives_routes_and_workload_back_as_they_are() -> None:
    saga = at_step(2)
    assert saga.tell(Cancel(reason="not today")) == ["CancellationStarted", "TrafficReleaseStarted"]
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "let_go"
    assert saga.released() == ["RolloutCancelled"]


def test_a_rollback_from_the_promotion_restores_the_stable_version() -> None:
    saga = Saga()
    saga.ask()
    while not isinstance(saga.orders.workload, ReleaseWorkload):
        saga.answer()
    assert saga.tell(RollBack()) == ["RollbackStarted", "PodsReleaseStarted"]
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "restore"
    assert saga.released() == ["RolloutRolledBack"]


def test_an_ending_can_be_chosen_once() -> None:
    saga = at_step(2)
    saga.tell(RollBack())
    assert saga.tell(RollBack()) == ["ControlRefused"]
    assert saga.tell(Pause()) == ["ControlRefused"]
    assert saga.tell(JumpToStep(step=1)) == ["ControlRefused"]


def test_a_rollout_that_has_ended_refuses_everything_and_stays_ended() -> None:
    saga = Saga()
    saga.ask()
    saga.to_end()
    orders = saga.orders
    assert saga.tell(RollBack()) == ["ControlRefused"]
    assert saga.orders == orders


def test_a_refusal_for_an_older_rollout_leaves_the_workload_with_the_newer_one() -> None:
    saga = Saga()
    saga.ask(rollout="old")
    saga.to_end()
    saga.ask(rollout="new")
    assert saga.tell(Pause(), rollout="old") == ["ControlRefused"]
    assert refusal(saga).active == "new"
    assert saga.rollout.id == "new"
    assert saga.rollout.hold is None


def test_control_characters_in_a_name_do_not_reach_the_history() -> None:
    saga = at_step(2)
    saga.tell(Pause(by="ann\nroot"))
    assert saga.rollout.hold is not None
    assert saga.rollout.hold.by == "ann?root"


def test_an_approval_does_not_pass_over_a_failing_verdict_that_nobody_has_seen() -> None:
    saga = Saga()
    saga.ask(request(step("50%", pause=StepPause()), step("100%"), analysis=ANALYSIS))
    saga.to_step(1)
    assert saga.ready() == ["StepJudgingStarted", "PauseStarted"]
    saga.report_unseen(saga.verdict_fact("fail", "background"))
    said = saga.tell(Approve())
    assert said[0] == "RollbackStarted"
    assert "StepCompleted" not in said


def test_a_retry_on_the_way_back_to_less_traffic_forgets_the_doubt() -> None:
    """Found by the simulation: the same verdict held it again at once."""
    saga = Saga()
    steps = (step("20%", 20), step("40%", 40, analysis=ANALYSIS), step("100%"))
    saga.ask(request(*steps, traffic=(ROUTE,), on_failure="pause"))
    saga.to_step(2)
    saga.ready()
    saga.shifted()
    verdict = saga.verdict_fact("fail", "step")
    assert saga.tell(JumpToStep(step=1)) == ["StepJumped", "TrafficShiftStarted"]
    assert saga.report(verdict) == ["RolloutPaused"]
    assert saga.tell(Retry()) == ["StepRetried"]
    assert saga.rollout.hold is None


def test_a_bad_verdict_on_a_step_that_a_new_plan_leaves_still_counts() -> None:
    """Found by the simulation: it was under way while the plan came."""
    saga = Saga()
    saga.ask(request(step("20%", analysis=ANALYSIS), step("60%"), step("100%"), on_failure="pause"))
    saga.to_step(1)
    saga.ready()
    verdict = saga.verdict_fact("fail", "step")
    plan = (step("10%"), step("60%", pause=StepPause()), step("100%"))
    assert saga.replan(*plan) == ["PlanChanged", "StepStarted"]
    assert saga.standing(ApplyBatch, saga.orders.workload).step == 2
    assert saga.report(verdict) == ["RolloutPaused"]


def asked_to_wait(weight: int | None = None, **fields: object) -> Saga:
    saga = Saga()
    saga.ask(request(step("20%", weight), step("100%"), paused_because="it failed before, in g-1", **fields))
    return saga


def test_a_request_may_ask_to_be_paused_before_its_first_batch() -> None:
    saga = asked_to_wait()
    assert saga.prepared() == ["RolloutPaused"]
    paused = saga.history[-1]
    assert isinstance(paused, RolloutPaused)
    assert (paused.reason, paused.before_start) == ("it failed before, in g-1", True)
    assert saga.wait(1_000_000.0) == []
    assert isinstance(saga.orders.workload, PrepareWorkload)
    assert saga.tell(Approve()) == ["ControlRefused"]
    assert "Resume" in refusal(saga).problem.remedy


@pytest.mark.parametrize("control", [Resume(by="ann"), Retry(by="ann")])
def test_what_was_to_wait_is_read_anew_when_somebody_lets_it_go_on_and_waits_no_more(control: Control) -> None:
    saga = asked_to_wait(20, traffic=(ROUTE,))
    saga.prepared()
    before = saga.orders.workload
    assert saga.tell(control)[-1] == "StepRetried"
    assert saga.orders.workload != before
    assert saga.prepared() == ["TrafficPinStarted"]
    assert saga.shifted() == ["StepStarted"]


def test_what_was_to_wait_waits_though_somebody_had_paused_and_resumed_it_before() -> None:
    saga = asked_to_wait()
    saga.tell(Pause(by="ann"))
    saga.tell(Resume(by="ann"))
    assert saga.prepared() == ["RolloutPaused"]


@pytest.mark.parametrize("control", [RollBack(), Cancel()])
def test_what_waits_before_its_first_batch_may_be_given_up(control: Control) -> None:
    saga = asked_to_wait()
    saga.prepared()
    saga.tell(control)
    assert isinstance(saga.orders.workload, ReleaseWorkload)
    saga.released()
    assert saga.rollout.ended

"""What outsiders see of a rollout, made of the events that the real saga writes."""

import msgspec
from support.saga import ANALYSIS, ROUTE, Saga, request, step

from tidegate_cli.projection import apply, project
from tidegate_cli.views import ENDED, RolloutView
from tidegate_contracts import codec, telemetry
from tidegate_contracts.controls import Approve, Cancel, JumpToStep, Pause, Resume, RollBack
from tidegate_contracts.facts import PodCounts
from tidegate_contracts.rollout import Bake
from tidegate_contracts.rollout import Pause as StepPause


def seen(saga: Saga, rollout: str | None = None) -> RolloutView:
    wanted = rollout or saga.rollout.id
    return project(event for event in saga.history if event.rollout == wanted)


def started(*steps: object, **fields: object) -> Saga:
    saga = Saga()
    saga.ask(request(*steps, **fields))  # type: ignore[arg-type]
    return saga


def test_an_accepted_rollout_shows_its_plan() -> None:
    view = seen(started(step("20%"), step("50%")))
    assert (view.phase, view.workload, view.kind) == ("preparing", "web", "Deployment")
    assert [(one.plan.number, one.state) for one in view.steps] == [(1, "to come"), (2, "to come"), (3, "to come")]
    assert view.waits_for


def test_a_step_is_followed_from_pods_over_traffic_to_its_verdict() -> None:
    saga = started(step("20%", 20, analysis=ANALYSIS), traffic=(ROUTE,))
    saga.prepared()
    assert seen(saga).phase == "pinning traffic"
    saga.shifted()
    view = seen(saga)
    assert (view.phase, view.step, view.steps[0].state) == ("adding pods", 1, "now")
    saga.ready()
    view = seen(saga)
    assert (view.phase, view.weight_percent, view.weight_asked_percent) == ("shifting traffic", 0, 20)
    saga.shifted()
    view = seen(saga)
    assert (view.phase, view.weight_percent) == ("judging", 20)
    assert "analysis" in view.waits_for
    saga.ready()
    saga.judged()
    view = seen(saga)
    assert [(verdict.step, verdict.verdict) for verdict in view.verdicts] == [(1, "pass")]
    assert [one.state for one in view.steps] == ["done", "now"]
    assert (view.stable_revision, view.canary_revision) == ("v1", "v2")


def test_another_plan_shows_its_steps_and_what_it_waits_for() -> None:
    saga = started(step("20%", pause=StepPause()), step("50%"))
    saga.to_step(1).ready()
    assert seen(saga).waits_for == "somebody to approve the step"
    saga.replan(step("20%", pause=StepPause(duration_s=60.0)), step("30%"), step("50%"))
    view = seen(saga)
    assert (view.phase, view.waits_for) == ("pausing", "the step's pause to be over")
    assert [(one.plan.target.percent, one.state) for one in view.steps] == [
        (20, "now"),
        (30, "to come"),
        (50, "to come"),
        (100, "to come"),
    ]
    saga.replan(step("5%"), step("10%"), step("20%"), step("50%"))
    view = seen(saga)
    assert (view.phase, view.step) == ("adding pods", 3)
    assert [one.state for one in view.steps] == ["done", "done", "now", "to come", "to come"]


def test_a_bake_says_until_when_and_is_judged_apart_from_its_step() -> None:
    saga = started(step("100%"), bake=Bake(duration_s=600.0, analysis=ANALYSIS)).to_bake()
    view = seen(saga)
    assert (view.phase, view.steps[0].state) == ("baking", "done")
    assert view.waits_for == "the bake to be over, at 1970-01-01T00:26:40Z"
    saga.replan(bake=Bake(duration_s=1200.0, analysis=ANALYSIS))
    assert seen(saga).waits_for == "the bake to be over, at 1970-01-01T00:36:40Z"
    saga.judged("fail", scope="bake")
    view = seen(saga)
    assert (view.phase, view.verdicts[0].scope, view.verdicts[0].verdict) == ("rolling back", "bake", "fail")


def test_a_completed_rollout_has_every_step_done() -> None:
    saga = started(step("20%"), step("50%")).to_end()
    view = seen(saga)
    assert (view.phase, view.ended, view.waits_for) == ("completed", True, "")
    assert {one.state for one in view.steps} == {"done"}
    assert view.ended_at_s is not None


def test_a_wait_for_approval_is_told_from_a_wait_for_time() -> None:
    for pause, waits_for in (
        (StepPause(), "somebody to approve the step"),
        (StepPause(duration_s=60), "pause to be over"),
    ):
        saga = started(step("20%", pause=pause))
        saga.prepared()
        saga.ready()
        view = seen(saga)
        assert view.phase == "pausing"
        assert waits_for in view.waits_for
    saga = started(step("20%", pause=StepPause()))
    saga.prepared()
    saga.ready()
    saga.tell(Approve(by="alice"))
    assert seen(saga).step == 2


def test_a_pause_lies_over_what_is_waited_for() -> None:
    saga = started(step("20%"))
    saga.prepared()
    saga.tell(Pause(by="alice", reason="lunch"))
    view = seen(saga)
    assert view.paused == "lunch"
    assert view.waits_for == "the step's pods to be ready"
    saga.tell(Resume(by="alice"))
    assert seen(saga).paused is None


def test_a_refused_control_is_kept_with_its_problem() -> None:
    saga = started(step("20%"))
    saga.prepared()
    saga.tell(Approve(step=7))
    view = seen(saga)
    assert view.refused is not None
    assert view.phase == "adding pods"


def test_a_jump_back_takes_later_steps_back() -> None:
    saga = started(step("20%"), step("50%")).to_step(2)
    saga.tell(JumpToStep(step=1, by="alice"))
    view = seen(saga)
    assert view.step == 1
    assert [one.state for one in view.steps] == ["now", "to come", "to come"]


def test_a_rollback_says_why_until_the_end() -> None:
    saga = started(step("20%", 20, analysis=ANALYSIS), traffic=(ROUTE,))
    saga.prepared()
    for answer in (saga.shifted, saga.ready, saga.shifted, saga.ready):
        answer()
    saga.judged("fail")
    view = seen(saga)
    assert view.phase == "rolling back"
    assert "errors" in view.reason
    saga.to_end()
    view = seen(saga)
    assert view.phase == "rolled back"
    assert "errors" in view.reason
    assert view.weight_percent is None


def test_every_way_to_an_end_ends_the_view() -> None:
    for control, phase in ((RollBack(by="a"), "rolled back"), (Cancel(by="a"), "cancelled")):
        saga = started(step("20%"))
        saga.prepared()
        saga.tell(control)
        view = seen(saga.to_end())
        assert view.phase == phase
        assert view.phase in ENDED


def test_a_superseded_rollout_names_the_one_that_took_over() -> None:
    saga = started(step("20%"), rollout="web-1")
    saga.prepared()
    saga.ask(request(step("20%"), rollout="web-2"))
    old, new = seen(saga, "web-1"), seen(saga, "web-2")
    assert (old.phase, old.superseded_by) == ("superseded", "web-2")
    assert not new.ended


def test_a_rejected_request_shows_its_problems() -> None:
    saga = Saga()
    saga.ask(request(step("120%"), rollout="web-1"))
    view = seen(saga, "web-1")
    assert view.phase == "rejected"
    assert view.problems[0].field == "steps[0].replicas"


def test_folding_in_parts_is_folding_at_once() -> None:
    saga = started(step("20%", 20, analysis=ANALYSIS), traffic=(ROUTE,)).to_end()
    view = RolloutView(rollout=saga.rollout.id)
    for event in saga.history:
        view = apply(view, event)
    assert view == seen(saga)


def test_events_of_another_rollout_change_nothing() -> None:
    saga = started(step("20%"))
    view = RolloutView(rollout="somebody-else")
    assert project(saga.history, view) == view


def test_telemetry_moves_the_numbers_and_ends_with_the_rollout() -> None:
    saga = started(step("20%", 20), traffic=(ROUTE,))
    rollout = saga.rollout.id
    counts = PodCounts(replicas=10, updated=2, updated_ready=1, stable=10, stable_ready=10)
    progress = telemetry.PodsProgressed(
        rollout=rollout, at_s=1.0, step=1, target_pods=2, counts=counts, waiting_for="1 pod to be ready"
    )
    observed = telemetry.TrafficObserved(rollout=rollout, at_s=1.0, weight_asked_percent=20, accepted=True)
    view = project([progress, observed], seen(saga))
    assert (view.counts, view.weight_percent, view.waits_for) == (counts, 20, "1 pod to be ready")
    ended = seen(saga.to_end())
    assert project([progress], ended) == ended


def test_a_view_can_be_printed_for_programs() -> None:
    view = seen(started(step("20%", 20, analysis=ANALYSIS), traffic=(ROUTE,)).to_end())
    document = msgspec.json.decode(msgspec.json.encode(view))
    assert document["phase"] == "completed"
    assert codec.tag_of(view.request) == document["request"]["type"]  # type: ignore[arg-type]


def test_where_the_stable_pods_stay_the_workload_is_promoted_before_its_routes_are_given_back() -> None:
    saga = started(step("100%", 100, analysis=ANALYSIS), traffic=(ROUTE,), strategy="blue_green")
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    assert (seen(saga).phase, seen(saga).waits_for) == ("judging", "the analysis")
    saga.judged()
    view = seen(saga)
    assert (view.phase, view.waits_for) == ("promoting", "the workload's own pods to become the new version")
    saga.promoted()
    assert seen(saga).waits_for == "the routes to be given back"
    saga.traffic_released()
    assert (seen(saga).phase, seen(saga).waits_for) == ("promoting", "the workload to be given back")


def test_a_rollout_of_another_style_is_given_back_while_its_successor_prepares() -> None:
    saga = started(step("50%", 50), traffic=(ROUTE,), strategy="canary", rollout="old")
    saga.to_step(2)
    saga.ask(request(traffic=(ROUTE,), rollout="new"))
    saga.shifted()
    view = seen(saga)
    assert (view.phase, view.waits_for) == ("preparing", "the workload to be given back")


def test_a_batch_that_settles_is_told_from_one_that_does_not() -> None:
    saga = started(step("50%", 50), traffic=(ROUTE,))
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    assert seen(saga).waits_for == "the stable pods to settle"

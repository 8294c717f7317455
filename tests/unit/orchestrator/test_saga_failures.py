"""What goes wrong in a rollout: who is told what, and how it ends."""

import pytest
from support.saga import ANALYSIS, PROBLEM, ROUTE, Saga, request, step

from tidegate_contracts.controls import Pause, Resume, RollBack
from tidegate_contracts.facts import (
    BatchDegraded,
    BatchRecovered,
    BatchStalled,
    TrafficRefused,
    WorkloadChanged,
    WorkloadGone,
    WorkloadRefused,
)
from tidegate_contracts.orders import ApplyBatch, ReleaseTraffic, ReleaseWorkload, ShiftTraffic
from tidegate_orchestrator.evolve import evolve
from tidegate_orchestrator.wakeup import next_wakeup


def with_traffic(**fields: object) -> Saga:
    """At step 2 of 3, with 20 % of the traffic on the new version."""
    saga = Saga()
    steps = (step("20%", 20, analysis=ANALYSIS), step("60%", 60), step("100%"))
    saga.ask(request(*steps, traffic=(ROUTE,), **fields))
    return saga.to_step(2)


def degraded(saga: Saga) -> BatchDegraded:
    return BatchDegraded(**saga.pod_fields(), step=saga.rollout.step, reason="3 of 6 ready", counts=saga.counts(6))


def test_a_failing_verdict_sends_traffic_back_first_and_pods_after_it() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20, analysis=ANALYSIS), step("100%"), traffic=(ROUTE,)))
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    assert saga.judged("fail") == ["RollbackStarted"]
    lowering = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (lowering.weight_percent, lowering.lowering) == (0, True)
    assert isinstance(saga.orders.workload, ApplyBatch)
    assert saga.shifted() == ["PodsReleaseStarted"]
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "restore"
    assert saga.released() == ["TrafficReleaseStarted"]
    assert saga.traffic_released() == ["RolloutRolledBack"]


def test_a_failing_background_verdict_counts_in_any_step() -> None:
    saga = Saga()
    saga.ask(request(step("50%"), step("100%"), analysis=ANALYSIS))
    saga.to_step(2)
    assert saga.judged("fail", scope="background") == ["RollbackStarted", "PodsReleaseStarted"]


def test_a_failing_verdict_rolls_back_even_a_paused_rollout() -> None:
    saga = with_traffic()
    saga.tell(Pause())
    assert saga.judged("fail") == ["RollbackStarted"]


def test_with_every_stable_pod_gone_the_users_own_route_is_the_way_back() -> None:
    saga = Saga()
    saga.ask(request(step("100%", 100, analysis=ANALYSIS), traffic=(ROUTE,)))
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    assert saga.judged("fail") == ["RollbackStarted", "TrafficReleaseStarted"]
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    assert saga.released() == ["RolloutRolledBack"]


def test_a_lowering_that_is_refused_gives_the_route_back() -> None:
    saga = with_traffic()
    saga.tell(RollBack())
    assert saga.report(TrafficRefused(**saga.traffic_fields(), problem=PROBLEM)) == ["TrafficReleaseStarted"]


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_a_bad_verdict_holds_a_rollout_that_asked_for_it(verdict: str) -> None:
    saga = Saga()
    saga.ask(request(step("20%", analysis=ANALYSIS), step("100%"), on_failure="pause"))
    saga.to_step(1).ready()
    assert saga.judged(verdict) == ["RolloutPaused"]
    assert saga.judged(verdict) == []
    assert saga.wait(1e6) == []


def test_an_inconclusive_verdict_never_passes_and_never_rolls_back() -> None:
    saga = Saga()
    saga.ask(request(step("20%", analysis=ANALYSIS), step("100%")))
    saga.to_step(1).ready()
    assert saga.judged("inconclusive") == ["RolloutPaused"]


def test_a_verdict_that_never_comes_is_a_doubt() -> None:
    saga = Saga()
    saga.ask(request(step("20%", analysis=ANALYSIS), step("100%")))
    saga.to_step(1).ready()
    due_s = next_wakeup(saga.workload)
    assert due_s is not None
    assert saga.wait(due_s - saga.now_s - 0.1) == []
    assert saga.wait(0.2) == ["RolloutPaused"]
    assert next_wakeup(saga.workload) is None


def test_a_share_that_is_never_accepted_is_a_doubt() -> None:
    saga = with_traffic()
    saga.ready()
    due_s = next_wakeup(saga.workload)
    assert due_s is not None
    assert saga.wait(due_s - saga.now_s) == ["RolloutPaused"]


def test_degraded_pods_lose_their_traffic_at_once_where_a_failure_pauses() -> None:
    saga = with_traffic(on_failure="pause")
    assert saga.report(degraded(saga)) == ["RolloutPaused"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).weight_percent == 0
    assert saga.report(degraded(saga)) == []


def test_degraded_pods_lose_their_traffic_though_the_rollout_was_held_before() -> None:
    saga = with_traffic(on_failure="pause")
    saga.report(WorkloadChanged(**saga.pod_fields(), what="the template", by="kubectl"))
    assert saga.report(degraded(saga)) == ["RolloutPaused"]
    assert saga.rollout.share == (0, ())


def test_after_a_lowered_pause_the_step_starts_over_with_its_pods() -> None:
    saga = with_traffic(on_failure="pause")
    saga.report(degraded(saga))
    saga.shifted()
    assert saga.report(BatchRecovered(**saga.pod_fields(), step=2, counts=saga.counts(6))) == []
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    assert saga.ready() == ["TrafficShiftStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).weight_percent == 60


def test_degraded_pods_roll_back_otherwise() -> None:
    saga = with_traffic()
    assert saga.report(degraded(saga)) == ["RollbackStarted"]


def test_a_stalled_batch_is_a_failure() -> None:
    saga = with_traffic()
    stalled = BatchStalled(**saga.pod_fields(), step=2, reason="image not found")
    assert saga.report(stalled) == ["RollbackStarted"]
    assert saga.rollout.phase.reason == "image not found"  # type: ignore[union-attr]


def test_a_refused_workload_fails_with_its_problem_and_leaves_no_order_standing() -> None:
    saga = Saga()
    saga.ask()
    assert saga.report(WorkloadRefused(**saga.pod_fields(), problem=PROBLEM)) == ["RolloutFailed"]
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "let_go"


def test_a_route_that_is_refused_at_the_start_fails_the_rollout_and_gives_all_back() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20), step("100%"), traffic=(ROUTE,)))
    saga.prepared()
    refused = TrafficRefused(**saga.traffic_fields(), problem=PROBLEM)
    assert saga.report(refused) == ["RollbackStarted", "PodsReleaseStarted"]
    assert saga.released() == ["TrafficReleaseStarted"]
    assert saga.traffic_released() == ["RolloutFailed"]
    assert saga.history[-1].problem == PROBLEM  # type: ignore[union-attr]


def test_a_route_that_is_refused_later_is_a_doubt() -> None:
    saga = with_traffic()
    saga.ready()
    assert saga.report(TrafficRefused(**saga.traffic_fields(), problem=PROBLEM)) == ["RolloutPaused"]
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    assert saga.ready() == ["TrafficShiftStarted"]


def test_a_workload_that_somebody_else_changed_is_a_doubt() -> None:
    saga = with_traffic()
    changed = WorkloadChanged(**saga.pod_fields(), what="the template", by="kubectl")
    assert saga.report(changed) == ["RolloutPaused"]
    assert saga.rollout.hold is not None
    assert "kubectl" in saga.rollout.hold.reason


def test_a_deleted_workload_ends_its_rollout_once_the_routes_are_given_back() -> None:
    saga = with_traffic()
    gone = WorkloadGone(**saga.pod_fields())
    assert saga.report(gone) == ["CancellationStarted", "TrafficReleaseStarted"]
    assert saga.traffic_released() == ["RolloutFailed"]
    assert isinstance(saga.orders.workload, ReleaseWorkload)


def test_a_workload_deleted_while_it_is_given_back_ends_as_failed() -> None:
    saga = Saga()
    saga.ask()
    saga.to_step(1)
    saga.tell(RollBack())
    assert saga.report(WorkloadGone(**saga.pod_fields())) == ["RolloutFailed"]


def test_a_release_that_stalls_is_said_and_waited_out() -> None:
    saga = Saga()
    saga.ask()
    saga.to_step(1)
    saga.tell(RollBack())
    stalled = BatchStalled(**saga.pod_fields(), step=0, reason="not whole")
    assert saga.report(stalled) == ["RolloutPaused"]
    assert saga.released() == ["RolloutRolledBack"]


def test_no_service_is_pinned_to_a_version_that_has_no_pod_left() -> None:
    saga = Saga()
    saga.ask(request(step("20%"), step("100%"), rollout="old"))
    saga.to_step(2)
    saga.ask(request(step("20%", 20), step("100%"), traffic=(ROUTE,), rollout="new"))
    assert saga.report(saga.prepared_fact(saga.counts(10))) == ["RolloutPaused"]
    assert saga.orders.traffic is None
    saga.tell(Resume())
    assert saga.prepared() == ["TrafficPinStarted"]


def test_an_application_that_is_down_can_be_mended_by_a_rollout() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20), step("100%"), traffic=(ROUTE,)))
    assert saga.report(saga.prepared_fact(saga.counts(10))) == ["TrafficPinStarted"]


def test_facts_about_a_superseded_order_change_nothing() -> None:
    saga = with_traffic()
    stale = degraded(saga)
    saga.ready()
    saga.shifted()
    assert saga.report(stale) == []


def test_a_late_duplicate_does_not_unsettle_a_settled_batch() -> None:
    saga = with_traffic()
    saga.ready()
    saga.shifted()
    before = evolve(saga.workload, saga.ready_fact(settled=True))
    after = evolve(before, saga.ready_fact(settled=False))
    assert after.rollout is not None
    assert after.rollout.pods.answer.settled  # type: ignore[union-attr]


def test_a_history_that_never_ends_may_only_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate_orchestrator.alarms.EVENTS_PER_ROLLOUT_MAX", 12)
    monkeypatch.setattr("tidegate_orchestrator.controls.EVENTS_PER_ROLLOUT_MAX", 12)
    saga = Saga()
    saga.ask()
    saga.to_step(1)
    said: list[str] = []
    while "RolloutPaused" not in said:
        said = saga.report(BatchRecovered(**saga.pod_fields(), step=1, counts=saga.counts(5)))
    assert saga.tell(Resume()) == ["ControlRefused"]
    assert saga.tell(RollBack()) == ["RollbackStarted", "PodsReleaseStarted"]
    assert saga.released() == ["RolloutRolledBack"]


def test_a_rollback_gives_back_routes_that_were_being_given_back_already() -> None:
    saga = Saga()
    saga.ask(request(step("100%", 100), traffic=(ROUTE,)))
    while not isinstance(saga.orders.traffic, ReleaseTraffic):
        saga.answer()
    release = saga.orders.traffic
    assert saga.tell(RollBack()) == ["RollbackStarted", "TrafficReleaseStarted"]
    assert saga.orders.traffic == release
    assert saga.traffic_released() == ["PodsReleaseStarted"]

"""What is asked for: accepted, rejected with every reason, or taken over from an older rollout."""

from support.saga import ANALYSIS, PROBLEM, ROUTE, Saga, request, step

from tidegate_contracts.codec import encode
from tidegate_contracts.controls import Cancel, RollBack
from tidegate_contracts.decisions import RolloutAccepted, RolloutRejected
from tidegate_contracts.facts import BatchStalled, WorkloadRefused
from tidegate_contracts.limits import REQUEST_BYTES_MAX
from tidegate_contracts.orders import PrepareWorkload, ReleaseAnalysis, ReleaseTraffic, ReleaseWorkload, ShiftTraffic
from tidegate_contracts.rollout import Analysis, Check, TrafficReference
from tidegate_orchestrator.fold import fold, holder, rebuild
from tidegate_orchestrator.inputs import Requested
from tidegate_orchestrator.requests import oversize

OTHER = TrafficReference(route="shop", service="web")
TRAFFIC = (step("20%", 20), step("60%", 60), step("100%"))


def last(saga: Saga) -> RolloutAccepted | RolloutRejected:
    event = saga.history[-1]
    assert isinstance(event, RolloutAccepted | RolloutRejected)
    return event


def test_a_request_with_problems_is_rejected_with_all_of_them() -> None:
    saga = Saga()
    assert saga.ask(request(step("120%"), step("50%", 20))) == ["RolloutRejected"]
    rejected = last(saga)
    assert isinstance(rejected, RolloutRejected)
    assert {problem.field for problem in rejected.problems} >= {"steps[0].replicas", "steps[1].traffic"}
    assert rejected.active is None


def test_a_rejected_request_leaves_the_active_rollout_alone() -> None:
    saga = Saga()
    saga.ask(rollout="first")
    orders = saga.orders
    assert saga.ask(request(step("0%"))) == ["RolloutRejected"]
    assert last(saga).active == "first"
    assert saga.orders == orders


def test_an_id_that_is_no_label_is_answered_under_the_messages_own() -> None:
    saga = Saga()
    assert saga.ask(rollout="Not.A.Label") == ["RolloutRejected"]
    assert last(saga).rollout.startswith("r-")


def test_an_id_that_is_taken_is_answered_under_the_messages_own() -> None:
    saga = Saga()
    saga.ask(rollout="mine")
    saga.to_end()
    assert saga.ask(rollout="mine") == ["RolloutRejected"]
    assert last(saga).rollout != "mine"


def test_the_same_request_delivered_twice_is_answered_once() -> None:
    saga = Saga()
    saga.ask(rollout="mine")
    first = saga.inputs[-1]
    accepted = last(saga)
    assert isinstance(first, Requested)
    assert isinstance(accepted, RolloutAccepted)
    again = Requested(
        id=first.id,
        request=first.request,
        sequence=first.sequence,
        rollout="mine",
        spare_rollout=first.spare_rollout,
        earlier=(accepted,),
        newest=accepted,
    )
    assert saga.when(again) == []
    saga.to_end()
    assert saga.when(again) == []


def test_a_request_that_comes_late_does_not_supersede_a_newer_one() -> None:
    saga = Saga()
    saga.ask(rollout="newer", sequence=7)
    assert saga.ask(rollout="older", sequence=3) == ["RolloutRejected"]
    assert saga.rollout.id == "newer"


def test_a_newer_request_takes_the_workload_over_in_one_breath() -> None:
    saga = Saga()
    saga.ask(rollout="old")
    saga.to_step(2)
    assert saga.ask(rollout="new") == ["RolloutSuperseded", "RolloutAccepted"]
    assert saga.rollout.id == "new"
    assert isinstance(saga.orders.workload, PrepareWorkload)
    assert saga.prepared() == ["StepStarted"]


def test_a_superseded_version_loses_its_traffic_at_once_and_pods_move_after_that() -> None:
    saga = Saga()
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="old"))
    saga.to_step(2)
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="new"))
    lowering = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (lowering.weight_percent, lowering.stable_revision, lowering.lowering) == (0, "v1", True)
    assert saga.prepared() == []
    assert saga.shifted() == ["StepStarted"]


def test_routes_that_the_newer_rollout_does_not_use_are_given_back_first() -> None:
    saga = Saga()
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="old"))
    saga.to_step(2)
    saga.ask(request(*TRAFFIC, traffic=(OTHER,), rollout="new"))
    assert saga.standing(ReleaseTraffic, saga.orders.traffic).traffic == (ROUTE,)
    assert saga.prepared() == []
    assert saga.traffic_released() == ["TrafficPinStarted"]
    assert saga.standing(ShiftTraffic, saga.orders.traffic).traffic == (OTHER,)


def test_an_analysis_of_the_superseded_rollout_is_released() -> None:
    saga = Saga()
    saga.ask(request(step("50%"), step("100%"), analysis=ANALYSIS, rollout="old"))
    saga.to_step(2)
    saga.ask(rollout="new")
    assert isinstance(saga.orders.analysis, ReleaseAnalysis)


def test_a_refused_successor_goes_back_to_the_version_before_both() -> None:
    saga = Saga()
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="old"))
    saga.to_step(2)
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="new"))
    assert saga.report(WorkloadRefused(**saga.pod_fields(), problem=PROBLEM)) == ["RollbackStarted"]
    assert saga.shifted() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.stable_revision) == ("restore", "v1")
    saga.to_end()
    assert saga.terminal == "RolloutRolledBack"


def test_a_rollback_under_way_is_waited_for() -> None:
    saga = Saga()
    saga.ask(rollout="old")
    saga.to_step(2)
    saga.tell(RollBack())
    saga.ask(rollout="new")
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "restore"
    assert saga.released() == ["PreparationStarted"]
    assert saga.prepared() == ["StepStarted"]


def test_where_every_pod_is_the_superseded_version_that_one_is_the_new_stable_one() -> None:
    saga = Saga()
    saga.ask(request(step("100%", 100, analysis=ANALYSIS), traffic=(ROUTE,), rollout="old"))
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    saga.ready()
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="new"))
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "promote"
    assert isinstance(saga.orders.traffic, ReleaseTraffic)
    saga.released()
    assert saga.traffic_released() == ["PreparationStarted"]
    assert saga.prepared("v2") == ["TrafficPinStarted"]


def test_a_superseded_release_that_stalls_does_not_keep_its_successor_waiting() -> None:
    saga = Saga()
    saga.ask(rollout="old")
    saga.to_step(1)
    saga.tell(Cancel())
    saga.ask(rollout="new")
    stalled = BatchStalled(**saga.pod_fields(), step=0, reason="crash loop")
    assert saga.report(stalled) == ["PreparationStarted"]


def test_the_newer_rollouts_events_alone_tell_its_state() -> None:
    saga = Saga()
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="old"))
    saga.to_step(2)
    saga.ask(request(*TRAFFIC, traffic=(ROUTE,), rollout="new"))
    saga.to_step(1)
    decision = next(event for event in reversed(saga.history) if hasattr(event, "revision"))
    part = rebuild(decision, [event for event in saga.history if event.rollout == holder(decision)])
    assert part == fold(saga.history) == saga.workload


def test_a_rollback_while_a_cancelled_version_is_let_go_restores_the_stable_one() -> None:
    saga = Saga()
    saga.ask(rollout="old")
    saga.to_step(1)
    saga.tell(Cancel())
    saga.ask(rollout="new")
    assert saga.tell(RollBack()) == ["RollbackStarted", "PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.stable_revision) == ("restore", "v1")


def test_a_request_whose_plan_would_not_fit_into_an_event_is_told_so() -> None:
    """The largest request that may be published fits twice into an accepted event, but for what goes with it."""
    checks = tuple(Check(name=f"check-{number}", query="x" * 3920, maximum=1.0) for number in range(15))
    large = request(step("50%", analysis=Analysis(checks=checks)), step("100%"))
    assert len(encode(large)) <= REQUEST_BYTES_MAX
    problem = oversize(large)
    assert problem is not None
    assert problem.field == "steps"
    assert oversize(request()) is None

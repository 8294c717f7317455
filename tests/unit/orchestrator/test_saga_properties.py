"""What holds whatever happens: random stories, told by Hypothesis to the decider and checked after each turn."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.saga import ANALYSIS, PROBLEM, ROUTE, Saga, request, step

from tidegate_contracts.codec import encode, event_decoder
from tidegate_contracts.controls import Approve, Cancel, Control, JumpToStep, Pause, Replan, Resume, Retry, RollBack
from tidegate_contracts.decisions import TERMINAL, Decision, PodsPromotionStarted, RolloutAccepted, RolloutRejected
from tidegate_contracts.facts import (
    BatchDegraded,
    BatchRecovered,
    BatchStalled,
    TrafficRefused,
    WorkloadChanged,
    WorkloadGone,
    WorkloadRefused,
)
from tidegate_contracts.orders import RELEASES, ShiftTraffic
from tidegate_contracts.rollout import Pause as StepPause
from tidegate_contracts.rollout import RolloutRequested
from tidegate_orchestrator.decide import decide
from tidegate_orchestrator.evolve import evolve
from tidegate_orchestrator.fold import fold, holder, rebuild
from tidegate_orchestrator.inputs import Reported
from tidegate_orchestrator.legal import fault
from tidegate_orchestrator.orders import orders
from tidegate_orchestrator.state import Ending, Workload
from tidegate_orchestrator.wakeup import next_wakeup

STORY_LENGTH_MAX = 40
CONTROLS: tuple[Control, ...] = (
    Approve(by="ann"),
    Pause(by="ann"),
    Resume(by="ann"),
    Retry(by="ann"),
    RollBack(by="ann"),
    Cancel(by="ann"),
    *(JumpToStep(step=number, by="ann") for number in (1, 2, 3)),
)
TROUBLES = ("stalled", "degraded", "recovered", "changed", "refused", "traffic-refused", "gone")


@st.composite
def requests(draw: st.DrawFn) -> RolloutRequested:
    traffic = draw(st.sampled_from(((), (ROUTE,))))
    strategy = draw(st.sampled_from(("partition", "canary", "blue_green")))
    percents = draw(st.lists(st.integers(1, 100), min_size=1, max_size=3).map(sorted))
    weights = draw(st.lists(st.integers(0, 100), min_size=3, max_size=3))
    if strategy == "partition" and 100 in weights:
        weights.sort()
    pauses = st.sampled_from((None, None, StepPause(), StepPause(duration_s=5.0)))
    steps = [
        step(
            f"{percent}%",
            weight if traffic and (percent < 100 or strategy != "partition") else None,
            pause=draw(pauses),
            analysis=draw(st.sampled_from((None, ANALYSIS))),
        )
        for percent, weight in zip(percents, weights, strict=False)
    ]
    analysis = draw(st.sampled_from((None, ANALYSIS)))
    return request(
        *steps,
        strategy=strategy,
        traffic=traffic,
        analysis=analysis,
        analysis_from_step=1 if analysis is None else draw(st.integers(1, len(steps))),
        on_failure=draw(st.sampled_from(("roll_back", "pause"))),
        rollback=draw(st.sampled_from(("at_once", "at_once", "in_batches"))),
        failure_threshold=draw(st.sampled_from((None, None, 1))),
    )


@st.composite
def plans(draw: st.DrawFn) -> Replan:
    """Another plan for whatever is under way: made fit for it when its turn comes."""
    return Replan(request=draw(requests()), by="ann")


turns = st.one_of(
    st.just("answer"),
    st.just("answer"),
    st.just("answer"),
    st.just("wait"),
    st.sampled_from(("fail", "inconclusive", "background-fail", "repeat", "unsettled")),
    st.sampled_from(TROUBLES),
    st.sampled_from(CONTROLS),
    plans(),
    requests(),
)
stories = st.tuples(requests(), st.lists(turns, max_size=STORY_LENGTH_MAX))
short = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def tell(story: tuple[RolloutRequested, list[Any]]) -> Saga:
    saga = Saga()
    saga.ask(story[0])
    for turn in story[1]:
        take(saga, turn)
    return saga


def take(saga: Saga, turn: Any) -> None:
    """One turn of a story; what can't be said now is left out."""
    if isinstance(turn, RolloutRequested):
        saga.ask(turn)
    elif isinstance(turn, str):
        if not saga.rollout.ended or turn == "repeat":
            _report(saga, turn)
    elif isinstance(turn, Replan):
        _replan(saga, turn.request)
    else:
        saga.tell(turn)


def _replan(saga: Saga, wanted: RolloutRequested) -> None:
    """Shares are left out where the rollout has no routes, and where a step to all pods has all of them anyway."""
    present = saga.rollout.request
    steps = [
        each
        if present.traffic and (each.replicas != "100%" or present.style != "partition")
        else replace(each, traffic=None)
        for each in wanted.steps
    ]
    saga.replan(
        *steps, analysis=wanted.analysis, on_failure=wanted.on_failure, failure_threshold=wanted.failure_threshold
    )


def _report(saga: Saga, turn: str) -> None:
    if turn == "answer":
        saga.answer_if_asked()
    elif turn == "wait":
        saga.wait(7.0)
    elif turn == "repeat":
        facts = [message.fact for message in saga.inputs if isinstance(message, Reported)]
        if facts:
            saga.report(facts[len(facts) // 2])
    elif turn in TROUBLES:
        _trouble(saga, turn)
    elif turn == "unsettled":
        saga.unsettle()
    else:
        saga.verdict_if_asked(turn)


def _trouble(saga: Saga, turn: str) -> None:
    pods = saga.pod_fields()
    number, counts = saga.rollout.step, saga.counts(1)
    if turn == "traffic-refused":
        if saga.rollout.routes is not None:
            saga.report(TrafficRefused(**saga.traffic_fields(), problem=PROBLEM))
        return
    saga.report(
        {
            "stalled": lambda: BatchStalled(**pods, step=number, reason="stalled"),
            "degraded": lambda: BatchDegraded(**pods, step=number, reason="degraded", counts=counts),
            "recovered": lambda: BatchRecovered(**pods, step=number, counts=counts),
            "changed": lambda: WorkloadChanged(**pods, what="the template", by="kubectl"),
            "refused": lambda: WorkloadRefused(**pods, problem=PROBLEM),
            "gone": lambda: WorkloadGone(**pods),
        }[turn]()
    )


@short
@given(stories)
def test_the_state_is_the_replay_of_its_history_through_the_wire(story: Any) -> None:
    saga = tell(story)
    wire = [event_decoder.decode(encode(event)) for event in saga.history]
    assert wire == saga.history
    assert fold(wire) == saga.workload


@short
@given(stories)
def test_the_last_decision_and_one_rollouts_events_tell_the_same_orders(story: Any) -> None:
    saga = tell(story)
    last = next(event for event in reversed(saga.history) if isinstance(event, Decision))
    part = rebuild(last, [event for event in saga.history if event.rollout == holder(last)])
    assert part.revision == saga.workload.revision
    if saga.workload.active is not None:
        assert orders(part) == orders(saga.workload)
        assert next_wakeup(part) == next_wakeup(saga.workload)


@short
@given(stories)
def test_revisions_grow_by_one_and_orders_are_never_newer_than_their_decision(story: Any) -> None:
    saga = tell(story)
    revisions = [event.revision for event in saga.history if isinstance(event, Decision)]
    assert revisions == list(range(1, len(revisions) + 1))
    workload = Workload()
    for event in saga.history:
        workload = evolve(workload, event)
        assert fault(workload) is None


@short
@given(stories)
def test_each_rollout_has_at_most_one_end_and_nothing_is_decided_after_it(story: Any) -> None:
    saga = tell(story)
    ended: set[str] = set()
    for event in saga.history:
        if isinstance(event, Decision) and type(event).__name__ != "ControlRefused":
            assert event.rollout not in ended
            if isinstance(event, TERMINAL):
                ended.add(event.rollout)


@short
@given(stories)
def test_only_the_last_accepted_rollout_is_active(story: Any) -> None:
    saga = tell(story)
    active: str | None = None
    for event in saga.history:
        if not isinstance(event, Decision):
            continue
        if isinstance(event, RolloutAccepted):
            assert active in (None, event.rollout)
            active = event.rollout
        elif isinstance(event, TERMINAL) and not isinstance(event, RolloutRejected):
            active = event.active
        assert event.active == active


@short
@given(stories)
def test_deciding_twice_decides_the_same_and_redelivery_decides_nothing(story: Any) -> None:
    saga = Saga()
    saga.ask(story[0])
    for turn in story[1]:
        before, heard = saga.workload, len(saga.inputs)
        take(saga, turn)
        for message in saga.inputs[heard:]:
            if not isinstance(message, Reported):
                assert decide(before, message, saga.now_s) == decide(before, message, saga.now_s)
            assert not decide(saga.workload, message, saga.now_s).decisions or saga.takes_again(message)


@short
@given(stories)
def test_a_rollback_is_possible_from_wherever_a_story_leads_and_reaches_its_end(story: Any) -> None:
    saga = tell(story)
    ending = saga.rollout.phase
    if saga.rollout.ended or (isinstance(ending, Ending) and ending.goal == "roll_back"):
        return
    gone = saga.rollout.gone
    saga.tell(RollBack(by="ann"))
    saga.to_end()
    assert saga.terminal in (("RolloutFailed",) if gone else ("RolloutRolledBack", "RolloutFailed"))
    assert all(order is None or isinstance(order, RELEASES) for order in saga.orders.each)


@short
@given(stories)
def test_a_weight_is_raised_only_after_the_steps_pods_were_reported_ready(story: Any) -> None:
    saga = tell(story)
    workload, weight, ready = Workload(), 0, set()
    for event in saga.history:
        if type(event).__name__ == "BatchReady":
            ready.add((event.order_revision, event.step))
        before = workload
        workload = evolve(workload, event)
        shift = orders(workload).traffic
        if not isinstance(shift, ShiftTraffic):
            weight = 0
            continue
        if shift.weight_percent > weight:
            assert before.rollout is not None
            assert (before.rollout.pods.order.revision, shift.step) in ready
        weight = shift.weight_percent


@short
@given(stories)
def test_pods_are_promoted_only_while_the_new_version_has_all_the_traffic(story: Any) -> None:
    saga = tell(story)
    workload = Workload()
    for event in saga.history:
        workload = evolve(workload, event)
        rollout = workload.rollout
        if isinstance(event, PodsPromotionStarted):
            assert rollout is not None
            assert rollout.shifted_whole or not rollout.with_traffic
            assert rollout.keeps_stable


@short
@given(stories, st.integers(0, 2**31))
def test_events_out_of_any_order_never_make_the_fold_raise(story: Any, seed: int) -> None:
    saga = tell(story)
    history = sorted(saga.history, key=lambda event: hash((seed, encode(event))))
    fold(history)
    fold(reversed(saga.history))

"""The fold: a workload's state after one more event of its history. Total, and it never raises.

Called by `history` when loading, and by `decide` to see where its own decisions lead. Decisions change the
phase and the orders here; what services report is taken in by `observe`.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import (
    BakeStarted,
    ControlRefused,
    Decision,
    Inherited,
    PauseStarted,
    PlanChanged,
    PreparationStarted,
    RolloutAccepted,
    RolloutPaused,
    RolloutRejected,
    RolloutResumed,
    StepCompleted,
    StepJudgingStarted,
    StepJumped,
    StepRetried,
    StepStarted,
    TrafficPinStarted,
    TrafficShiftStarted,
)
from tidegate_contracts.facts import BatchReady, Fact, WorkloadReleased
from tidegate_contracts.orders import ShiftTraffic
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_orchestrator import orders
from tidegate_orchestrator.observe import observe
from tidegate_orchestrator.plan_changed import plan_changed
from tidegate_orchestrator.retry import forgiven, retried
from tidegate_orchestrator.state import (
    Baking,
    Between,
    Cause,
    Clearing,
    Ended,
    Falling,
    Hold,
    Judge,
    Judging,
    Jumped,
    Pausing,
    Phase,
    Pinning,
    Pods,
    Preparing,
    Raising,
    Rollout,
    Routes,
    Shifting,
    Workload,
    covers_all,
)
from tidegate_orchestrator.towards_an_end import TOWARDS_AN_END, lowered


def evolve(workload: Workload, event: AnyEvent) -> Workload:
    """The state after an event. One that makes no sense here changes nothing but the revision."""
    if isinstance(event, Fact):
        rollout = workload.rollout
        if rollout is None or rollout.id != event.rollout or type(rollout.phase) is Ended:
            return workload
        return Workload(workload.revision, observe(rollout, event))
    return _decided(workload, event)


def _decided(workload: Workload, event: Decision) -> Workload:
    if event.revision <= workload.revision:
        return workload
    kind, rollout = type(event), workload.rollout
    if isinstance(event, RolloutAccepted):
        return Workload(event.revision, _accepted(event))
    change = _CHANGES.get(kind)
    if rollout is None or rollout.id != event.rollout or change is None:
        return Workload(event.revision, rollout)
    if type(rollout.phase) is not Ended and (kind not in _AT_A_STEP or _in_plan(rollout, event)):
        rollout = change(rollout, event)
    causes = rollout.causes
    if causes is None or causes.id != event.cause:
        causes = Cause(event.cause, causes)
    return Workload(event.revision, replace(rollout, events=rollout.events + 1, causes=causes))


def _in_plan(rollout: Rollout, event: Any) -> bool:
    step = event.to_step if isinstance(event, StepJumped) else event.step
    return 1 <= step <= len(rollout.plan)


def _accepted(event: RolloutAccepted) -> Rollout:
    inherited = event.inherited or Inherited()
    request, mode = event.request, inherited.release_workload
    return Rollout(
        id=event.rollout,
        request=request,
        plan=event.plan,
        request_sequence=event.request_sequence,
        phase=Clearing(mode) if mode is not None else Preparing(),
        since_s=event.at_s,
        pods=_first_pods(event, inherited),
        routes=_inherited_routes(event, inherited),
        judge=Judge(orders.release_analysis(event.rollout, event.revision, request)) if inherited.analysed else None,
        waits_first=bool(request.paused_because),
        touched=inherited.touched,
        stable_revision=inherited.stable_revision,
        events=1,
        causes=Cause(event.cause, None),
    )


def _first_pods(event: RolloutAccepted, inherited: Inherited) -> Pods:
    rollout, revision, request, mode = event.rollout, event.revision, event.request, inherited.release_workload
    if mode is None:
        return Pods(orders.prepare(rollout, revision, request))
    order = orders.release_workload(rollout, revision, request, mode, inherited.stable_revision, style=inherited.style)
    return Pods(order, told=not inherited.release_after_traffic)


def _inherited_routes(event: RolloutAccepted, inherited: Inherited) -> Routes | None:
    """The traffic leaves the superseded version at once; routes that the newer rollout doesn't use are given back."""
    if not inherited.traffic:
        return None
    request = event.request
    if inherited.release_traffic or request.traffic != inherited.traffic or inherited.stable_revision is None:
        return Routes(
            orders.release_traffic(event.rollout, event.revision, request, inherited.traffic), since_s=event.at_s
        )
    order = ShiftTraffic(
        rollout=event.rollout,
        revision=event.revision,
        workload=request.workload,
        traffic=request.traffic,
        stable_revision=inherited.stable_revision,
        canary_revision=None,
        weight_percent=0,
        deadline_s=request.deadlines.traffic_s,
        lowering=True,
    )
    return Routes(order, since_s=event.at_s)


def _preparation_started(rollout: Rollout, event: PreparationStarted) -> Rollout:
    clean = isinstance(rollout.pods.answer, WorkloadReleased)
    return replace(
        rollout,
        phase=Preparing(),
        since_s=event.at_s,
        hold=None,
        pods=Pods(orders.prepare(rollout.id, event.revision, rollout.request)),
        touched=rollout.touched and not clean,
        stable_revision=None if clean else rollout.stable_revision,
    )


def _pin_started(rollout: Rollout, event: TrafficPinStarted) -> Rollout:
    asked = orders.planned_shares(rollout)
    order = orders.shift_traffic(rollout, event.revision, 0, 0, (), lowering=not rollout.quiet, planned=asked)
    return replace(rollout, phase=Pinning(), since_s=event.at_s, routes=Routes(order, since_s=event.at_s))


def _step_started(rollout: Rollout, event: StepStarted) -> Rollout:
    return _raised(rollout, event.step, event.revision, event.at_s)


def _raised(rollout: Rollout, step: int, revision: int, at_s: float) -> Rollout:
    rollout = replace(rollout, phase=Raising(step), since_s=at_s, hold=None, touched=True)
    return _with_batch(rollout, step, revision, settle=rollout.settles_at_once(step))


def _with_batch(rollout: Rollout, step: int, revision: int, *, settle: bool) -> Rollout:
    order = orders.apply_batch(rollout, revision, step, settle=settle)
    leaves_none = order.stable_minimum == 0 and covers_all(order.target, rollout.replicas) and not rollout.keeps_stable
    return replace(rollout, pods=Pods(order), stable_gone=rollout.stable_gone or leaves_none)


def _shift_started(rollout: Rollout, event: TrafficShiftStarted) -> Rollout:
    step, weight = event.step, event.weight_percent
    lowering = weight == WHOLE_PERCENT or weight < rollout.share[0]
    planned, ready = rollout.planned(step), rollout.pods.answer
    matches, mirror_percent = planned.matches, planned.mirror_percent
    phase: Phase = Shifting(step)
    if isinstance(rollout.phase, Jumped):
        # A share that falls goes before the step's pods: what else is to come to them waits for them.
        matches = tuple(each for each in matches if each in rollout.share[1])
        mirror_percent = min(mirror_percent, rollout.mirrored_percent)
        phase = Falling(step)
    order = orders.shift_traffic(
        rollout,
        event.revision,
        step,
        weight,
        matches,
        request_headers=planned.request_headers,
        mirror_percent=mirror_percent,
        canary_pods=ready.counts.updated_ready if isinstance(ready, BatchReady) else 0,
        lowering=lowering,
    )
    return replace(rollout, phase=phase, since_s=event.at_s, routes=Routes(order, since_s=event.at_s))


def _judging_started(rollout: Rollout, event: StepJudgingStarted) -> Rollout:
    again = isinstance(rollout.phase, Judging) and rollout.phase.step == event.step
    rollout = replace(rollout, phase=Judging(event.step), since_s=event.at_s)
    if rollout.with_traffic and not rollout.keeps_stable:
        rollout = _with_batch(rollout, event.step, event.revision, settle=True)
    if not rollout.begins_measuring(event.step):
        return rollout
    order = orders.analyse(rollout, event.revision, event.step, event.at_s)
    return replace(rollout, judge=Judge(order, extended=again))


def _pause_started(rollout: Rollout, event: PauseStarted) -> Rollout:
    return replace(rollout, phase=Pausing(event.step, event.until_s), since_s=event.at_s)


def _bake_started(rollout: Rollout, event: BakeStarted) -> Rollout:
    rollout = replace(rollout, phase=Baking(event.step, event.until_s), since_s=event.at_s)
    bake = rollout.request.bake
    if bake is None or bake.analysis is None:
        return rollout
    return replace(
        rollout, judge=Judge(orders.analyse_bake(rollout, event.revision, event.step, event.at_s, event.until_s))
    )


def _step_completed(rollout: Rollout, event: StepCompleted) -> Rollout:
    return replace(rollout, phase=Between(event.step), since_s=event.at_s)


def _paused(rollout: Rollout, event: RolloutPaused) -> Rollout:
    waits_first = rollout.waits_first and not event.before_start
    rollout = replace(rollout, hold=Hold(event.reason, event.by, event.at_s), waits_first=waits_first)
    return lowered(rollout, event.revision, event.at_s) if event.lowered else rollout


def _resumed(rollout: Rollout, event: RolloutResumed) -> Rollout:
    return forgiven(rollout, event.revision, event.at_s)


def _retried(rollout: Rollout, event: StepRetried) -> Rollout:
    if not rollout.step:
        return retried(rollout, event.revision, event.at_s)
    rollout = forgiven(rollout, event.revision, event.at_s)
    if isinstance(rollout.phase, Falling):
        return retried(rollout, event.revision, event.at_s)
    if isinstance(rollout.phase, Jumped):
        return rollout
    return _raised(rollout, rollout.step, event.revision, event.at_s)


def _jumped(rollout: Rollout, event: StepJumped) -> Rollout:
    rollout = forgiven(rollout, event.revision, event.at_s)
    return replace(rollout, phase=Jumped(event.to_step), since_s=event.at_s)


def _unchanged(rollout: Rollout, event: Decision) -> Rollout:
    del event
    return rollout


_AT_A_STEP: Final = frozenset(
    (StepStarted, TrafficShiftStarted, StepJudgingStarted, PauseStarted, StepCompleted, BakeStarted, StepJumped)
)

_CHANGES: Final[dict[type[Decision], Callable[[Rollout, Any], Rollout]]] = {
    PreparationStarted: _preparation_started,
    TrafficPinStarted: _pin_started,
    StepStarted: _step_started,
    TrafficShiftStarted: _shift_started,
    StepJudgingStarted: _judging_started,
    PauseStarted: _pause_started,
    StepCompleted: _step_completed,
    BakeStarted: _bake_started,
    RolloutPaused: _paused,
    RolloutResumed: _resumed,
    StepRetried: _retried,
    StepJumped: _jumped,
    PlanChanged: plan_changed,
    ControlRefused: _unchanged,
    RolloutRejected: _unchanged,
    **TOWARDS_AN_END,
}

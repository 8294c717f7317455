"""The fold's changes on the way to an end: promoted, rolled back, or let go.

Called by `evolve`, whose table names them by event. Which of these decisions is taken when is said in `endings`.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from tidegate_contracts.decisions import (
    BatchReturnStarted,
    CancellationStarted,
    Decision,
    PodsPromotionStarted,
    PodsReleaseStarted,
    PromotionStarted,
    RollbackStarted,
    RolloutCancelled,
    RolloutCompleted,
    RolloutFailed,
    RolloutRolledBack,
    RolloutSuperseded,
    TrafficReleaseStarted,
)
from tidegate_contracts.orders import Analyse, ApplyBatch, ReleaseTraffic, ReleaseWorkload, ShiftTraffic
from tidegate_orchestrator import orders
from tidegate_orchestrator.state import (
    Clearing,
    Ended,
    Ending,
    Judge,
    Mode,
    Pods,
    Rollout,
    Routes,
    Stage,
    as_many,
    pods_of,
)


def _promotion_started(rollout: Rollout, event: PromotionStarted) -> Rollout:
    return _ending(rollout, event, Ending("promote", "every step is done", "promote"))


def _rollback_started(rollout: Rollout, event: RollbackStarted) -> Rollout:
    """Where the stable pods can carry all requests, the traffic goes back to them before anything else."""
    # A superseded version that is everywhere, and whole, is what there is to go back to.
    mode: Mode = "promote" if rollout.phase == Clearing("promote") else "restore"
    lower = (
        rollout.routed
        and not rollout.quiet
        and not rollout.stable_gone
        and not rollout.gone
        and rollout.routes is not None
        and isinstance(rollout.routes.order, ShiftTraffic)
    )
    if lower:
        rollout = lowered(rollout, event.revision, event.at_s)
    stage, step = Stage.LOWERING if lower else Stage.CHOSEN, _steps_back(rollout, event)
    return _ending(rollout, event, Ending("roll_back", event.reason, mode, stage, event.problem, step))


def _steps_back(rollout: Rollout, event: RollbackStarted) -> int:
    """The step to go back from in batches; 0 where nothing is left to do in batches, or nobody wants it."""
    order, pace = rollout.pods.order, event.pace or rollout.request.rollback
    if pace == "at_once" or rollout.keeps_stable or rollout.canary_revision is None:
        return 0
    if not isinstance(order, ApplyBatch) or rollout.gone:
        return 0
    if order.step <= len(rollout.plan) and rollout.planned(order.step).target == order.target:
        return order.step
    # It was ordered by an earlier plan: the present one has a step with as many pods.
    return as_many(rollout.plan, pods_of(order.target, rollout.replicas), rollout.replicas)


def _cancellation_started(rollout: Rollout, event: CancellationStarted) -> Rollout:
    return _ending(rollout, event, Ending("cancel", event.reason, "let_go"))


def _ending(rollout: Rollout, event: Decision, ending: Ending) -> Rollout:
    return replace(
        rollout,
        phase=ending,
        since_s=event.at_s,
        hold=None,
        judge=_released_judge(rollout, event.revision),
    )


def _released_judge(rollout: Rollout, revision: int) -> Judge | None:
    if rollout.judge is None or not isinstance(rollout.judge.order, Analyse):
        return rollout.judge
    return Judge(orders.release_analysis(rollout.id, revision, rollout.request))


def _pods_promotion_started(rollout: Rollout, event: PodsPromotionStarted) -> Rollout:
    if not isinstance(rollout.phase, Ending):
        return rollout
    phase = replace(rollout.phase, stage=Stage.PROMOTING)
    pods = Pods(orders.promote_workload(rollout, event.revision))
    return replace(rollout, phase=phase, since_s=event.at_s, hold=None, pods=pods, stable_gone=True)


def _batch_return_started(rollout: Rollout, event: BatchReturnStarted) -> Rollout:
    if not isinstance(rollout.phase, Ending) or not 1 <= event.step <= len(rollout.plan):
        return rollout
    phase = replace(rollout.phase, stage=Stage.RETURNING, step=event.step)
    pods = Pods(orders.return_batch(rollout, event.revision, event.step))
    return replace(rollout, phase=phase, since_s=event.at_s, hold=None, pods=pods)


def _pods_release_started(rollout: Rollout, event: PodsReleaseStarted) -> Rollout:
    pods = rollout.pods
    if isinstance(rollout.phase, Clearing) and not pods.told:
        return replace(rollout, since_s=event.at_s, pods=Pods(replace(pods.order, revision=event.revision)))
    if not isinstance(rollout.phase, Ending):
        return rollout
    mode = rollout.phase.mode
    if not (isinstance(pods.order, ReleaseWorkload) and pods.told and pods.order.mode == mode):
        pods = Pods(_release(rollout, event.revision, mode))
    phase = replace(rollout.phase, stage=Stage.RELEASING_PODS)
    return replace(
        rollout,
        phase=phase,
        since_s=event.at_s,
        hold=None,
        pods=pods,
        stable_gone=rollout.stable_gone or mode != "restore",
    )


def _release(rollout: Rollout, revision: int, mode: Mode) -> ReleaseWorkload:
    return orders.release_workload(
        rollout.id, revision, rollout.request, mode, rollout.stable_revision, style=rollout.held_style
    )


def _traffic_release_started(rollout: Rollout, event: TrafficReleaseStarted) -> Rollout:
    routes = rollout.routes
    if not isinstance(rollout.phase, Ending) or routes is None:
        return rollout
    if not isinstance(routes.order, ReleaseTraffic) or routes.refused is not None:
        order = orders.release_traffic(rollout.id, event.revision, rollout.request, routes.order.traffic)
        routes = Routes(order, since_s=event.at_s)
    phase = replace(rollout.phase, stage=Stage.RELEASING_TRAFFIC)
    return replace(rollout, phase=phase, since_s=event.at_s, hold=None, routes=routes)


def _failed(rollout: Rollout, event: RolloutFailed) -> Rollout:
    """Nothing is waited for any more: whatever still stands is let go."""
    if not isinstance(rollout.pods.order, ReleaseWorkload):
        rollout = replace(rollout, pods=Pods(_release(rollout, event.revision, "let_go")))
    return _ended(replace(rollout, judge=_released_judge(rollout, event.revision)), event)


def _ended(rollout: Rollout, event: Decision) -> Rollout:
    return replace(rollout, phase=Ended(type(event).__name__), since_s=event.at_s, hold=None)


def lowered(rollout: Rollout, revision: int, at_s: float) -> Rollout:
    order = orders.shift_traffic(rollout, revision, rollout.step, 0, (), lowering=True)
    return replace(rollout, routes=Routes(order, since_s=at_s))


TOWARDS_AN_END: Final[dict[type[Decision], Callable[[Rollout, Any], Rollout]]] = {
    PromotionStarted: _promotion_started,
    RollbackStarted: _rollback_started,
    CancellationStarted: _cancellation_started,
    PodsPromotionStarted: _pods_promotion_started,
    BatchReturnStarted: _batch_return_started,
    PodsReleaseStarted: _pods_release_started,
    TrafficReleaseStarted: _traffic_release_started,
    RolloutCompleted: _ended,
    RolloutRolledBack: _ended,
    RolloutCancelled: _ended,
    RolloutSuperseded: _ended,
    RolloutFailed: _failed,
}

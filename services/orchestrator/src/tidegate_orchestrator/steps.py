"""How a rollout goes forward, step by step, as far as what was reported allows.

Called by `advance` when there is neither an alarm nor a hold. Raising: pods first, ready by a live read for
that very step, then traffic, then the verdict, then the pause.
"""

from collections.abc import Callable
from typing import Any, Final

from tidegate_contracts.decisions import (
    BY_THE_REQUEST,
    BakeStarted,
    PauseStarted,
    PodsReleaseStarted,
    PreparationStarted,
    PromotionStarted,
    RolloutPaused,
    StepCompleted,
    StepJudgingStarted,
    StepStarted,
    TrafficPinStarted,
    TrafficShiftStarted,
)
from tidegate_contracts.facts import BatchReady, WorkloadPrepared, WorkloadReleased
from tidegate_contracts.orders import ReleaseTraffic
from tidegate_contracts.plan import PlannedStep
from tidegate_orchestrator.draft import Say
from tidegate_orchestrator.state import (
    Baking,
    Between,
    Clearing,
    Falling,
    Judging,
    Jumped,
    Pausing,
    Phase,
    Pinning,
    Preparing,
    Raising,
    Rollout,
    Shifting,
)
from tidegate_orchestrator.verdicts import bake_passes, passes


def forward(rollout: Rollout, now_s: float) -> Say | None:
    """The next decision towards the end, if what it waits for has come."""
    go = _BY_PHASE.get(type(rollout.phase))
    return go(rollout, now_s) if go is not None else None


def _clearing(rollout: Rollout, now_s: float) -> Say | None:
    """A superseded version whose pods won't get whole must not keep its successor waiting."""
    del now_s
    if not rollout.pods.told:
        return Say(PodsReleaseStarted, {}) if _routes_settled(rollout) else None
    settled = isinstance(rollout.pods.answer, WorkloadReleased) or rollout.pods.trouble is not None
    return Say(PreparationStarted, {}) if settled and _routes_settled(rollout) else None


def _routes_settled(rollout: Rollout) -> bool:
    return rollout.routes is None or rollout.routes.answered


def _preparing(rollout: Rollout, now_s: float) -> Say | None:
    del now_s
    if not isinstance(rollout.pods.answer, WorkloadPrepared) or not _routes_settled(rollout):
        return None
    if rollout.waits_first:
        return Say(RolloutPaused, _first_pause(rollout.request.paused_because))
    return Say(StepStarted, {"step": 1}) if _pinned(rollout) else Say(TrafficPinStarted, {})


def _first_pause(reason: str) -> dict[str, Any]:
    """All that an older rollout left is given back by now, and nothing of this one's is touched yet."""
    return {"reason": reason, "by": BY_THE_REQUEST, "before_start": True}


def _pinned(rollout: Rollout) -> bool:
    """Whether nothing has to be pinned, or a superseded rollout's routes, taken over, are already."""
    if not rollout.with_traffic:
        return True
    order = rollout.routes.order if rollout.routes is not None else None
    if order is None or isinstance(order, ReleaseTraffic):
        return False
    return order.stable_revision == rollout.stable_revision


def _pinning(rollout: Rollout, now_s: float) -> Say | None:
    del now_s
    return Say(StepStarted, {"step": 1}) if _routes_settled(rollout) else None


def _raising(rollout: Rollout, now_s: float) -> Say | None:
    ready, step = rollout.pods.answer, rollout.planned(rollout.step)
    if not isinstance(ready, BatchReady):
        return None
    if not rollout.with_traffic:
        return _judged(rollout, step, now_s) if ready.settled or rollout.passes_through(step.number) else None
    assert step.weight_percent is not None, "a plan with traffic has a weight at each step"
    if rollout.requests == step.requests and _routes_settled(rollout):
        return Say(StepJudgingStarted, {"step": step.number})
    return Say(TrafficShiftStarted, {"step": step.number, "weight_percent": step.weight_percent})


def _judged(rollout: Rollout, step: PlannedStep, now_s: float) -> Say:
    """Without traffic the pods have settled, or pass on to the next step: only an analysis is waited for."""
    if rollout.begins_measuring(step.number):
        return Say(StepJudgingStarted, {"step": step.number})
    return _paused(step, now_s)


def _shifting(rollout: Rollout, now_s: float) -> Say | None:
    del now_s
    return Say(StepJudgingStarted, {"step": rollout.step}) if _routes_settled(rollout) else None


def _judging(rollout: Rollout, now_s: float) -> Say | None:
    ready, step = rollout.pods.answer, rollout.planned(rollout.step)
    if not isinstance(ready, BatchReady) or not ready.settled:
        return None
    return _paused(step, now_s) if step.analysis is None or passes(rollout.judge, rollout.step) else None


def _paused(step: PlannedStep, now_s: float) -> Say:
    pause = step.pause
    if pause is None or pause.duration_s == 0:
        return Say(StepCompleted, {"step": step.number})
    until_s = now_s + pause.duration_s if pause.duration_s is not None else None
    return Say(PauseStarted, {"step": step.number, "until_s": until_s})


def _pausing(rollout: Rollout, now_s: float) -> Say | None:
    assert isinstance(rollout.phase, Pausing), "dispatched by phase"
    until_s = rollout.phase.until_s
    over = until_s is not None and until_s <= now_s
    return Say(StepCompleted, {"step": rollout.step}) if over else None


def _between(rollout: Rollout, now_s: float) -> Say:
    if rollout.step < len(rollout.plan):
        return Say(StepStarted, {"step": rollout.step + 1})
    bake = rollout.request.bake
    if bake is None:
        return Say(PromotionStarted, {})
    return Say(BakeStarted, {"step": rollout.step, "until_s": now_s + bake.duration_s})


def _baking(rollout: Rollout, now_s: float) -> Say | None:
    assert isinstance(rollout.phase, Baking), "dispatched by phase"
    over = rollout.phase.until_s <= now_s
    return Say(PromotionStarted, {}) if over and bake_passes(rollout) else None


def _jumped(rollout: Rollout, now_s: float) -> Say:
    """Back to a step with less traffic: the traffic leaves first."""
    del now_s
    step = rollout.planned(rollout.step)
    if rollout.with_traffic and step.weight_percent is not None and step.weight_percent < rollout.share[0]:
        return Say(TrafficShiftStarted, {"step": step.number, "weight_percent": step.weight_percent})
    return Say(StepStarted, {"step": rollout.step})


def _falling(rollout: Rollout, now_s: float) -> Say | None:
    del now_s
    return Say(StepStarted, {"step": rollout.step}) if _routes_settled(rollout) else None


_BY_PHASE: Final[dict[type[Phase], Callable[[Rollout, float], Say | None]]] = {
    Clearing: _clearing,
    Preparing: _preparing,
    Pinning: _pinning,
    Raising: _raising,
    Shifting: _shifting,
    Judging: _judging,
    Pausing: _pausing,
    Baking: _baking,
    Between: _between,
    Jumped: _jumped,
    Falling: _falling,
}

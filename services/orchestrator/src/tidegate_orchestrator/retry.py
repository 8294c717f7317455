"""Trying again: the present doing is ordered once more under a new number, so that a service answers anew.

Called by `evolve` when somebody retries, resumes after a doubt, or goes on with another step.
"""

from typing import Final

from msgspec.structs import replace

from tidegate_contracts.orders import Analyse
from tidegate_orchestrator import orders
from tidegate_orchestrator.state import (
    Clearing,
    Ending,
    Falling,
    Judge,
    Pinning,
    Pods,
    Preparing,
    Rollout,
    Routes,
    Stage,
)

_POD_STAGES: Final = (Stage.PROMOTING, Stage.RETURNING, Stage.RELEASING_PODS)


def forgiven(rollout: Rollout, revision: int, at_s: float) -> Rollout:
    """Goes on after a hold. What the rollout itself doubted is forgotten; what nobody has seen yet is not."""
    doubted = rollout.hold is not None and rollout.hold.is_doubt
    rollout = replace(rollout, hold=None)
    if not doubted:
        return rollout
    routes = rollout.routes
    if routes is not None and routes.refused is not None:
        routes = replace(routes, refused=None, answered=False)
    pods = replace(rollout.pods, trouble=None)
    return replace(rollout, pods=pods, routes=routes, judge=_judge_anew(rollout, revision, at_s))


def _judge_anew(rollout: Rollout, revision: int, at_s: float) -> Judge | None:
    """A verdict that was forgiven is not said again by itself: the background analysis starts over."""
    judge = rollout.judge
    if judge is None or (judge.verdict is None and judge.background is None) or not isinstance(judge.order, Analyse):
        return judge
    if rollout.request.background_at(judge.order.step) is None:
        return Judge(orders.release_analysis(rollout.id, revision, rollout.request))
    return Judge(orders.analyse(rollout, revision, judge.order.step, at_s, with_step=False))


def retried(rollout: Rollout, revision: int, at_s: float) -> Rollout:
    """Outside of the steps: preparing, pinning, going back to a smaller share, and the endings."""
    phase = rollout.phase
    rollout = replace(rollout, hold=None, since_s=at_s)
    waits = isinstance(phase, Clearing) or (isinstance(phase, Ending) and phase.stage in _POD_STAGES)
    answered = rollout.pods.answer is not None and rollout.pods.trouble is None
    if isinstance(phase, Preparing) or (waits and not answered):
        order = replace(rollout.pods.order, revision=revision)
        rollout = replace(rollout, pods=Pods(order, told=rollout.pods.told))
    if isinstance(phase, Preparing | Clearing | Pinning | Falling | Ending):
        rollout = replace(rollout, routes=_again(rollout.routes, revision, at_s))
    return rollout


def _again(routes: Routes | None, revision: int, at_s: float) -> Routes | None:
    """What was answered already stands."""
    if routes is None or (routes.answered and routes.refused is None):
        return routes
    return Routes(replace(routes.order, revision=revision), since_s=at_s)

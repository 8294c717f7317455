"""The present doing, ordered once more under a new number, so that a service tries again and answers anew.

Called by `evolve` for what is no step's: preparing, pinning, going back to a smaller share, and the endings.
"""

from msgspec.structs import replace

from tidegate_orchestrator.state import Clearing, Ending, Falling, Pinning, Pods, Preparing, Rollout, Routes, Stage


def retried(rollout: Rollout, revision: int, at_s: float) -> Rollout:
    phase = rollout.phase
    rollout = replace(rollout, hold=None, since_s=at_s)
    waits_for_pods = isinstance(phase, Preparing | Clearing) or (
        isinstance(phase, Ending) and phase.stage is Stage.RELEASING_PODS
    )
    if waits_for_pods and (rollout.pods.answer is None or rollout.pods.trouble is not None):
        rollout = replace(rollout, pods=Pods(replace(rollout.pods.order, revision=revision)))
    if isinstance(phase, Preparing | Clearing | Pinning | Falling | Ending):
        rollout = replace(rollout, routes=_again(rollout.routes, revision, at_s))
    return rollout


def _again(routes: Routes | None, revision: int, at_s: float) -> Routes | None:
    """What was answered already stands."""
    if routes is None or (routes.answered and routes.refused is None):
        return routes
    return Routes(replace(routes.order, revision=revision), since_s=at_s)

"""How a rollout ends: promoted, rolled back or let go, always with the routes and the workload given back.

Called by `advance` once an ending was chosen. Nothing is raised here, so no hold stops it; a refusal is said
once and then waited out, or tried again when somebody says so.
"""

from typing import assert_never

from tidegate_contracts.decisions import (
    BatchReturnStarted,
    PodsPromotionStarted,
    PodsReleaseStarted,
    RolloutCancelled,
    RolloutCompleted,
    RolloutFailed,
    RolloutRolledBack,
    TrafficReleaseStarted,
)
from tidegate_contracts.facts import BatchReady, WorkloadPromoted, WorkloadReleased
from tidegate_contracts.orders import ReleaseWorkload
from tidegate_orchestrator.alarms import doubt
from tidegate_orchestrator.draft import Say
from tidegate_orchestrator.state import Ending, Rollout, Stage
from tidegate_orchestrator.wakeup import deadline


def onward(rollout: Rollout, ending: Ending, now_s: float) -> Say | None:
    """The next decision towards the terminal event, if what it waits for has come."""
    match ending.stage:
        case Stage.CHOSEN:
            return _chosen(rollout, ending)
        case Stage.LOWERING:
            return _lowering(rollout, ending, now_s)
        case Stage.PROMOTING:
            return _promoting(rollout, ending)
        case Stage.RETURNING:
            return _returning(rollout, ending)
        case Stage.RELEASING_TRAFFIC:
            return _releasing_traffic(rollout, ending, now_s)
        case Stage.RELEASING_PODS:
            return _releasing_pods(rollout, ending)
        case _:
            assert_never(ending.stage)


def _chosen(rollout: Rollout, ending: Ending) -> Say:
    """Where the stable pods are all there yet, the workload becomes the new version before anything is given back."""
    promotes = ending.goal == "promote" and rollout.keeps_stable and not rollout.gone
    return Say(PodsPromotionStarted, {}) if promotes else _first_release(rollout, ending)


def _first_release(rollout: Rollout, ending: Ending) -> Say:
    """Going back with the traffic already at the stable pods, these stay pinned until the others are gone."""
    if not rollout.routed:
        return _terminal(rollout, ending) if rollout.gone else _pods_back(ending)
    keeps_pin = ending.goal == "roll_back" and rollout.quiet and not rollout.gone
    return _pods_back(ending) if keeps_pin else Say(TrafficReleaseStarted, {})


def _pods_back(ending: Ending) -> Say:
    """No request reaches the pods that go: one batch after the other, or all as the workload's own strategy does it."""
    return Say(BatchReturnStarted, {"step": ending.step - 1}) if ending.step > 1 else Say(PodsReleaseStarted, {})


def _lowering(rollout: Rollout, ending: Ending, now_s: float) -> Say | None:
    """Where the stable pods can't be given the traffic, the user's own route is the way back."""
    routes = rollout.routes
    if rollout.gone or (routes is not None and routes.refused is not None):
        return Say(TrafficReleaseStarted, {})
    if routes is None or routes.answered:
        return _pods_back(ending)
    return _overdue(rollout, now_s)


def _promoting(rollout: Rollout, ending: Ending) -> Say | None:
    """The new pods that are there keep the traffic until the workload's own are new as well."""
    if rollout.gone or isinstance(rollout.pods.answer, WorkloadPromoted):
        return _first_release(rollout, ending)
    if rollout.pods.trouble is not None:
        return doubt(rollout, f"the workload can't be promoted: {rollout.pods.trouble_text}")
    refused = rollout.routes.refused if rollout.routes is not None else None
    return doubt(rollout, str(refused)) if refused is not None else None


def _returning(rollout: Rollout, ending: Ending) -> Say | None:
    if rollout.gone:
        return _first_release(rollout, ending)
    if rollout.pods.trouble is not None:
        return doubt(rollout, f"the batch can't go back: {rollout.pods.trouble_text}")
    return _pods_back(ending) if isinstance(rollout.pods.answer, BatchReady) else None


def _overdue(rollout: Rollout, now_s: float) -> Say | None:
    due = deadline(rollout)
    return doubt(rollout, due.reason) if due is not None and due.due_s <= now_s else None


def _releasing_traffic(rollout: Rollout, ending: Ending, now_s: float) -> Say | None:
    if not rollout.routed:
        done = rollout.gone or _pods_released(rollout, ending)
        return _terminal(rollout, ending) if done else _pods_back(ending)
    if rollout.routes is not None and rollout.routes.refused is not None:
        return doubt(rollout, str(rollout.routes.refused))
    return _overdue(rollout, now_s)


def _pods_released(rollout: Rollout, ending: Ending) -> bool:
    order = rollout.pods.order
    released = isinstance(rollout.pods.answer, WorkloadReleased)
    return released and isinstance(order, ReleaseWorkload) and order.mode == ending.mode


def _releasing_pods(rollout: Rollout, ending: Ending) -> Say | None:
    if rollout.gone or _pods_released(rollout, ending):
        return Say(TrafficReleaseStarted, {}) if rollout.routed else _terminal(rollout, ending)
    if rollout.pods.trouble is not None:
        return doubt(rollout, f"the workload can't be given back: {rollout.pods.trouble_text}")
    return None


def _terminal(rollout: Rollout, ending: Ending) -> Say:
    if rollout.gone:
        return Say(RolloutFailed, {"reason": ending.reason, "problem": ending.problem})
    if ending.goal == "promote":
        return Say(RolloutCompleted, {})
    if ending.goal == "cancel":
        return Say(RolloutCancelled, {"reason": ending.reason})
    if ending.problem is not None and not rollout.touched:
        return Say(RolloutFailed, {"reason": ending.reason, "problem": ending.problem})
    return Say(RolloutRolledBack, {"reason": ending.reason})

"""The sentences that Kruise's users and tools read in a Rollout's status, and ours where Kruise has none.

Pure; called by `projection`.
"""

from typing import Final

from tidegate_contracts.limits import REASON_LENGTH_MAX
from tidegate_contracts.plan import PlannedStep
from tidegate_contracts.problem import Problem
from tidegate_rollout_operator.view import View

HEALTHY: Final = "rollout is healthy"
NOT_FOUND: Final = "Workload Not Found"
DONE: Final = "workload deployment is completed"
DISABLED: Final = "Rollout is disabled"
DISABLING: Final = "Disabling rollout, release resources"
TERMINATING: Final = "Rollout is being deleted, release resources"
PROGRESSING: Final = "Rollout is in Progressing"
PAUSED: Final = "Rollout has been paused, you can resume it by kube-cli"
FINALISING: Final = "Rollout has been completed and some closing work is being done"
CANCELLING: Final = "The workload has been rolled back and the rollout process will be canceled"
COMPLETED: Final = "Rollout progressing has been completed"
CANCELED: Final = "Rollout progressing has been canceled"
GUARDED: Final = "changes of the workload are rolled out by steps"
EDITED: Final = "the strategy was edited since in what counts from the next release on"


def message_of(view: View, *, by_itself: bool) -> str:
    """What an active rollout does now; `by_itself`: its pause is not this Rollout's own."""
    parts = [_doing(view, by_itself=by_itself), view.refused]
    return "; ".join(part for part in parts if part)[:REASON_LENGTH_MAX]


def _doing(view: View, *, by_itself: bool) -> str:
    if view.stage == "initializing" and view.hold is None:
        return PROGRESSING
    if view.awaits_routing and view.hold is not None:
        return f"{PROGRESSING}: {view.hold.reason}"
    if view.stage == "finalising" or (view.closing and view.hold is None):
        return FINALISING
    if view.stage == "cancelling":
        return f"{CANCELLING}: {view.reason}"
    if view.hold is not None:
        return f"Rollout was paused by {view.hold.by}: {view.hold.reason}" if by_itself else PAUSED
    return _at_step(view)


def _at_step(view: View) -> str:
    place = f"Rollout is in step({view.index}/{view.steps})"
    match view.state:
        case "StepTrafficRouting":
            return f"{place}, and route traffic to new version"
        case "StepMetricsAnalysis" if view.bakes:
            return f"{place}, and {_bake(view)}"
        case "StepMetricsAnalysis":
            return f"{place}, and analyse new version"
        case "StepPaused":
            return f"{place}, and {_pause(view)} to enter the next step"
        case _:
            return f"{place}, and upgrade workload to new version"


def _pause(view: View) -> str:
    pause = planned(view).pause if view.plan else None
    if view.until_s is None or pause is None or pause.duration_s is None:
        return "you need manually confirm"
    return f"wait duration({pause.duration_s:g} seconds)"


def _bake(view: View) -> str:
    bake = view.request.bake if view.request is not None else None
    return f"watch new version for duration({bake.duration_s if bake is not None else 0:g} seconds)"


def planned(view: View) -> PlannedStep:
    """The plan of the present step."""
    return view.plan[min(max(view.step, 1), len(view.plan)) - 1]


def ended(view: View) -> str:
    text = COMPLETED if view.stage == "completed" else CANCELED
    return (f"{text}: {view.reason}" if view.reason else text)[:REASON_LENGTH_MAX]


def not_carried(problems: tuple[Problem, ...]) -> str:
    """Why changes of the workload are not rolled out as the Rollout says."""
    return "; ".join(str(each) for each in problems)[: 2 * REASON_LENGTH_MAX]


def guarded(left_out: tuple[str, ...]) -> str:
    """With the fields that count for nothing."""
    without = f"{GUARDED}, without what the Ingress' class has no place for: {', '.join(left_out)}"
    return (without if left_out else GUARDED)[: 2 * REASON_LENGTH_MAX]

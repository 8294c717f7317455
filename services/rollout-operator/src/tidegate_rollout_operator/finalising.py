"""Kruise's `finalisingStep`: what is being given back, in its words, as far as our events say it. Pure.

Called by `view` for each decision. One order of ours gives all of a route back, and one all of a workload, each with
one answer, where Kruise has a word for each part: such an order is told by the part that it does first.
"""

from typing import Final

from tidegate_contracts.decisions import (
    TERMINAL,
    BatchReturnStarted,
    Decision,
    Inherited,
    PodsPromotionStarted,
    PodsReleaseStarted,
    PreparationStarted,
    RollbackStarted,
    StepJumped,
    StepStarted,
    TrafficPinStarted,
    TrafficReleaseStarted,
    TrafficShiftStarted,
)
from tidegate_contracts.rollout import RolloutRequested

NOTHING: Final = ""
TRAFFIC_TO_NEW: Final = "FinalisingStepRouteTrafficToNew"
TRAFFIC_TO_STABLE: Final = "FinalisingStepRouteTrafficToStable"
RESTORE_SERVICE: Final = "RestoreStableService"
RESUME_WORKLOAD: Final = "ResumeWorkload"
RELEASE_CONTROL: Final = "ReleaseWorkloadControl"
END: Final = "END"

_ALWAYS: Final[dict[type[Decision], str]] = {
    PreparationStarted: NOTHING,
    TrafficPinStarted: NOTHING,
    StepStarted: NOTHING,
    StepJumped: NOTHING,
    PodsPromotionStarted: RESUME_WORKLOAD,
    BatchReturnStarted: RESUME_WORKLOAD,
    TrafficReleaseStarted: RESTORE_SERVICE,
    **dict.fromkeys(TERMINAL, END),
}


def of_another(inherited: Inherited | None) -> str:
    """What is given back of a superseded rollout before its successor begins."""
    if inherited is None:
        return NOTHING
    if inherited.traffic:
        return TRAFFIC_TO_STABLE
    return RELEASE_CONTROL if inherited.release_workload is not None else NOTHING


def after(event: Decision, before: str, request: RolloutRequested | None, stage: str, *, closing: bool) -> str:
    """The word after a decision.

    Args:
        event: The decision.
        before: The word so far.
        request: What is carried out.
        stage: Where the rollout was.
        closing: Whether its steps are done, in Kruise's count.
    """
    if request is None:
        return before
    match event:
        case TrafficShiftStarted():
            return TRAFFIC_TO_NEW if closing and request.style == "blue_green" else NOTHING
        case RollbackStarted():
            return TRAFFIC_TO_STABLE if request.traffic else NOTHING
        case PodsReleaseStarted():
            promoted = stage == "finalising" and request.style != "partition"
            return RELEASE_CONTROL if promoted or stage == "initializing" else RESUME_WORKLOAD
        case _:
            return _ALWAYS.get(type(event), before)

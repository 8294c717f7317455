"""What a held workload has around it: an autoscaler that is held off, and pods beside it, a fresh baseline's too.

Pure; `kinds.held` asks before and after it decides about the workload itself. The autoscaler is held off before the
first pod comes, and nothing is said to be released before all of it is gone: first the pods beside, then the hold on
the autoscaler. Whoever takes the order over sees what is left to do.
"""

from typing import Final

from msgspec.structs import replace

from tidegate_contracts.facts import WorkloadReleased
from tidegate_contracts.orders import ApplyBatch, PromoteWorkload, ReleaseWorkload
from tidegate_workload_controller import baseline
from tidegate_workload_controller.actions import Action, Decision, HoldOff, LetScale, Progress, RemoveBeside, Report
from tidegate_workload_controller.census import count
from tidegate_workload_controller.extra import is_ours
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.seen import Sight, View
from tidegate_workload_controller.waiting import wait_for

GOING: Final = "the pods beside the workload to go"

Steered = ApplyBatch | PromoteWorkload | ReleaseWorkload


def before(order: Steered, sight: Sight) -> tuple[Action, ...]:
    """What has to be done before anything is decided about the workload itself."""
    if not sight.live or sight.own is None or sight.own.workload.fence > order.revision:
        return ()
    if isinstance(order, ReleaseWorkload):
        # All traffic has left these pods, unless they are what is promoted: then the workload comes first.
        beside = _removal(sight) if order.mode != "promote" else ()
        return (*baseline.moves(order, sight), *beside)
    free = tuple(each for each in sight.autoscalers if not each.held_off)
    return (HoldOff(free, order.rollout),) if free else ()


def after(
    order: ReleaseWorkload, sight: Sight, decision: Decision[ReleaseMemory], now_s: float
) -> Decision[ReleaseMemory]:
    """The decision, or what is left to do before the workload is really released."""
    if not any(isinstance(each, Report) and isinstance(each.fact, WorkloadReleased) for each in decision.actions):
        return decision
    left = _removal(sight)
    if left:
        return replace(decision, actions=left, done=False)
    if _going(sight) or baseline.is_left(sight):
        return _wait(order, sight, decision.memory, now_s)
    ours = tuple(each for each in sight.autoscalers if each.ours)
    return replace(decision, actions=(LetScale(ours),), done=False) if ours else decision


def _wait(order: ReleaseWorkload, sight: Sight, memory: ReleaseMemory, now_s: float) -> Decision[ReleaseMemory]:
    """Their native controller, or the garbage collector, takes them away; told as a stall where that takes too long."""
    seen = sight.extra or sight.own
    assert seen is not None, "nothing is left otherwise"
    census = count(seen, new=None, stable=order.stable_revision or "", min_ready_s=0, now_s=now_s)
    return wait_for(Progress(0, census.counts, GOING), order, census, memory, now_s, live=sight.live, awaited=GOING)


def _removal(sight: Sight) -> tuple[Action, ...]:
    extra = _extra(sight)
    there = extra is not None and extra.workload.metadata.deletion_timestamp is None
    return (RemoveBeside(),) if there else ()


def _going(sight: Sight) -> bool:
    """Whether pods beside are still in use; those that are shutting down are not."""
    extra = _extra(sight)
    return extra is not None and any(pod.alive for pod in extra.pods)


def _extra(sight: Sight) -> View | None:
    """What is beside the workload and ours; without the workload it is the garbage collector's."""
    if sight.own is None or sight.extra is None or not is_ours(sight.extra.workload, sight.own.workload):
        return None
    return sight.extra

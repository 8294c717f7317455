"""What to do next for a PromoteWorkload order: every pod of the workload itself on the new version.

Pure, like `convergence`. In the styles canary and blue_green every stable pod is still there, while the new pods have
all the traffic: those beside the workload, or those that it has grown by. So the workload gets the new template, where
it hasn't got it yet, and moves natively within its user's own limits. The marks stay: `release` comes next.
"""

from typing import Final

from msgspec.structs import replace

from tidegate_contracts.facts import WorkloadPromoted
from tidegate_contracts.orders import PromoteWorkload
from tidegate_workload_controller import marks, patches
from tidegate_workload_controller.actions import Action, Decision, Patch, Progress, PutBack, Report, Touch
from tidegate_workload_controller.census import Census, count, revision_of
from tidegate_workload_controller.hold import own_values
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.objections import (
    edited_hold,
    foreign_change,
    is_touched,
    objected,
    put_back,
)
from tidegate_workload_controller.saved import saved_on
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.symptoms import symptoms
from tidegate_workload_controller.waiting import wait_for

PROMOTING: Final = "promoting"
"""In the memory's `setting`: the workload was seen to move."""


def decide(order: PromoteWorkload, view: View | None, memory: Memory, now_s: float) -> Decision[Memory]:
    """What to do now for this order; see `convergence.decide`."""
    objection = foreign_change(order, view, memory.uid)
    if objection is not None or view is None:
        return objected(order, view, objection, memory, now_s)
    memory = replace(memory, uid=view.workload.metadata.uid)
    if view.template_digest is None:
        return Decision(memory, look_live=True)
    if not _is_moving(order, view):
        return _move(order, view, memory, now_s) if view.live else Decision(memory, look_live=True)
    return _wait(order, view, replace(memory, setting=PROMOTING, objection=None), now_s)


def _is_moving(order: PromoteWorkload, view: View) -> bool:
    """Whether the workload is on its way as we would send it."""
    saved = saved_on(view.workload)
    sent = is_touched(order, view) and saved is not None and not saved.nothing
    right = sent and view.workload.fence == order.revision and view.template_digest == order.template_digest
    return right and saved is not None and view.hold.moves_freely(view.workload, saved)


def _move(order: PromoteWorkload, view: View, memory: Memory, now_s: float) -> Decision[Memory]:
    """Template, the user's own limits and fence in one patch; again only where somebody undid it."""
    if memory.setting != PROMOTING:
        return Decision(memory, (_patch(order, view),))
    return put_back(order, edited_hold(view), _patch(order, view), memory, now_s)


def _patch(order: PromoteWorkload, view: View) -> Action:
    stable = view.workload.metadata.annotations.get(marks.STABLE_REVISION) or order.stable_revision
    body = patches.free(view.hold, order, own_values(view.hold, view.workload), stable)
    if view.template_digest == order.template_digest:
        return Patch(body)
    if order.canary_revision in view.digests:
        return PutBack(body, order.canary_revision or "")
    return Touch(body, order.change, order.template_digest)


def _wait(order: PromoteWorkload, view: View, memory: Memory, now_s: float) -> Decision[Memory]:
    """Until the native controller calls it complete; said once."""
    census = _census(order, view, now_s)
    if not view.workload.complete:
        return _patience(order, view, census, memory, now_s)
    progress = Progress(census.replicas, census.counts)
    if memory.reported is not None:
        return Decision(memory, progress=progress)
    if not view.live:
        return Decision(memory, look_live=True)
    fact = WorkloadPromoted(rollout=order.rollout, order_revision=order.revision, at_s=now_s, counts=census.counts)
    return Decision(replace(memory, reported=(census.replicas, True)), (Report(fact),), progress=progress)


def _patience(order: PromoteWorkload, view: View, census: Census, memory: Memory, now_s: float) -> Decision[Memory]:
    told = [each for each in view.revisions if view.digests.get(each.name) == order.template_digest]
    progress = Progress(census.replicas, census.counts, "the workload to be whole")
    return wait_for(progress, order, census, memory, now_s, live=view.live, ailments=symptoms(census.new, told))


def _census(order: PromoteWorkload, view: View, now_s: float) -> Census:
    min_ready_s = view.hold.min_ready_s(view.workload, own_values(view.hold, view.workload))
    new = revision_of(view, order.template_digest)
    return count(view, new=new, stable=order.stable_revision, min_ready_s=min_ready_s, now_s=now_s)

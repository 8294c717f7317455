"""What to do next for an ApplyBatch order whose pods come beside the workload, in an extra one of its kind.

Pure, like `convergence`, and called in its place. The workload itself is only marked: its template and its pods stay as
they are until the promotion. The extra one has as many pods as the batch, and follows the workload's own scale up and
down; its native controller makes them. `extra` says what it looks like, `watching` follows the batch.
"""

from typing import Final

from msgspec.structs import replace

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller import extra, marks, patches, returning
from tidegate_workload_controller.actions import (
    Action,
    Decision,
    MakeBeside,
    Patch,
    Progress,
    RemoveBeside,
    ScaleBeside,
)
from tidegate_workload_controller.batch import rounded_up
from tidegate_workload_controller.census import Census, count, revision_of
from tidegate_workload_controller.hold import own_values
from tidegate_workload_controller.memory import Memory, Objection
from tidegate_workload_controller.objections import (
    TEMPLATE,
    foreign_change,
    is_touched,
    objected,
    put_back,
)
from tidegate_workload_controller.saved import Saved, saved_on
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.seen import Sight, View
from tidegate_workload_controller.symptoms import symptoms
from tidegate_workload_controller.waiting import wait_for
from tidegate_workload_controller.watching import follow

GOING: Final = "the former pods beside to go"


def decide(  # noqa: PLR0911 - one return per question, in the order in which they must be asked
    order: ApplyBatch, sight: Sight, memory: Memory, now_s: float
) -> Decision[Memory]:
    """What to do now for this order; see `convergence.decide`."""
    own = sight.own
    objection = foreign_change(order, own, memory.uid) or _in_the_way(order, sight)
    if objection is not None or own is None:
        return objected(order, own, objection, memory, now_s)
    memory = replace(memory, uid=own.workload.metadata.uid)
    if not sight.live and (not is_touched(order, own) or own.template_digest is None or sight.extra is None):
        return Decision(memory, look_live=True)
    if returning.is_return(order, own):
        return _return(order, sight, own, memory, now_s)
    if sight.former or (sight.extra is not None and _is_going(sight.extra)):
        return _wait_for_its_end(order, sight, own, _goal(order, own), memory, now_s=now_s)
    if sight.extra is None or not _is_made(order, own, sight.extra, memory):
        return _make(order, sight, own, memory, now_s) if sight.live else Decision(memory, look_live=True)
    memory = replace(_recognise(order, sight.extra, memory), objection=None)
    if memory.canary_revision is None and sight.extra.unread and not sight.live:
        return Decision(memory, look_live=True)
    return _move(order, own, sight.extra, memory, now_s, live=sight.live)


def _in_the_way(order: ApplyBatch, sight: Sight) -> Objection | None:
    """What else keeps the order from being carried out beside the workload."""
    if sight.own is None or sight.extra is None:
        return Objection(TEMPLATE, sight.own.changed_by) if sight.own is not None and sight.own.base_differs else None
    found = sight.extra.workload
    if not extra.is_ours(found, sight.own.workload):
        return Objection(f"{found.metadata.name}, which is in the way of the pods beside the workload", "its owner")
    if found.fence > order.revision:
        return Objection(f"the mark {marks.ORDER_REVISION} is {found.fence} on {found.metadata.name}, newer than ours")
    return None


def _is_made(order: ApplyBatch, own: View, beside: View, memory: Memory) -> bool:
    """Whether it is this rollout's, as we wrote it."""
    ours = beside.workload.metadata.annotations.get(marks.HELD_FOR) == order.rollout
    return is_touched(order, own) and ours and not _is_edited(beside, memory)


def _is_edited(beside: View, memory: Memory) -> bool:
    return extra.is_edited(beside.workload, beside.template_digest, memory.setting)


def _is_going(beside: View) -> bool:
    return beside.workload.metadata.deletion_timestamp is not None


def _make(order: ApplyBatch, sight: Sight, own: View, memory: Memory, now_s: float) -> Decision[Memory]:
    """The workload beside, as this rollout's. What somebody else did to it is undone, and reported."""
    pods = _goal(order, own)
    body = None
    if not is_touched(order, own):
        saved = saved_on(own.workload) or Saved(nothing=True)
        body = patches.marked(order, saved, _stable(order, own))
    make = MakeBeside(order, pods, body)
    objection = _foreign(order, sight, memory)
    if objection is None:
        return Decision(replace(memory, setting=pods), (make,))
    return put_back(order, objection, make, replace(memory, setting=pods), now_s)


def _foreign(order: ApplyBatch, sight: Sight, memory: Memory) -> Objection | None:
    """What somebody else did to the workload beside, which is this rollout's."""
    beside = sight.extra
    if beside is None:
        there = memory.setting is not None or order.canary_revision is not None
        return Objection("the workload beside was deleted") if there else None
    if beside.workload.metadata.annotations.get(marks.HELD_FOR) != order.rollout or not _is_edited(beside, memory):
        return None
    return Objection(f"template, replicas or paused of {beside.workload.metadata.name}", beside.changed_by)


def _wait_for_its_end(
    order: ApplyBatch, sight: Sight, own: View, pods: int, memory: Memory, *, now_s: float
) -> Decision[Memory]:
    """Somebody deleted it, or an earlier rollout's end did: under its name there can be only one.

    A Deployment that is made while a ReplicaSet of its name's is there calls its revision otherwise.
    """
    census = _census(order, own, sight.extra, None, now_s)
    progress = Progress(pods, census.counts, GOING)
    return wait_for(progress, order, census, memory, now_s, live=sight.live, awaited=GOING)


def _return(order: ApplyBatch, sight: Sight, own: View, memory: Memory, now_s: float) -> Decision[Memory]:
    """The version that is wanted is the workload's own: nothing is to be beside it."""
    if not sight.live:
        return Decision(memory, look_live=True)
    if not is_touched(order, own):
        saved = saved_on(own.workload) or Saved(nothing=True)
        return Decision(memory, (Patch(patches.marked(order, saved, _stable(order, own))),))
    if sight.extra is None:
        return returning.decide(order, own, own_values(own.hold, own.workload), memory, now_s)
    if not _is_going(sight.extra):
        return Decision(memory, (RemoveBeside(),))
    return _wait_for_its_end(order, sight, own, 0, memory, now_s=now_s)


def _recognise(order: ApplyBatch, beside: View, memory: Memory) -> Memory:
    """Remember the new revision as soon as it can be told."""
    known = memory.canary_revision or order.canary_revision or revision_of(beside, beside.template_digest or "")
    return replace(memory, canary_revision=known)


def _move(order: ApplyBatch, own: View, beside: View, memory: Memory, now_s: float, *, live: bool) -> Decision[Memory]:
    """Bring it to the batch's size, and follow the batch."""
    census = _census(order, own, beside, memory.canary_revision, now_s)
    goal, there = _goal(order, own), beside.workload.replicas
    # Where an earlier step's pods still get traffic, none of them goes before it has left them.
    pods = max(goal, min(order.ready_before, census.replicas, there))
    scene = Scene(
        order=order,
        census=census,
        goal=goal,
        pods=goal,
        ailments=symptoms(census.new, [each for each in beside.revisions if each.name == memory.canary_revision]),
        standing=there,
        wanted=pods,
        first=pods,
        keeps_stable=True,
    )
    moves: tuple[Action, ...] = (ScaleBeside(order, pods),) if pods != there else ()
    decision = follow(scene, memory, moves, now_s, live=live)
    return decision if decision.look_live else replace(decision, memory=replace(decision.memory, setting=pods))


def _census(order: ApplyBatch, own: View, beside: View | None, new: str | None, now_s: float) -> Census:
    """Who is there, on and beside the workload: scaling one has nothing to share out with the other."""
    views = (own, beside) if beside is not None else (own,)
    both = replace(
        own,
        revisions=tuple(replace(each, scaled_for=None) for view in views for each in view.revisions),
        pods=tuple(pod for view in views for pod in view.pods),
    )
    min_ready_s = own.hold.min_ready_s(own.workload, own_values(own.hold, own.workload))
    census = count(both, new=new, stable=order.stable_revision, min_ready_s=min_ready_s, now_s=now_s)
    # The Deployment controller's word is as good as its ReplicaSet controller's: either may still remove some.
    return replace(census, unseen=census.unseen or (beside is not None and not beside.workload.is_seen))


def _goal(order: ApplyBatch, own: View) -> int:
    return rounded_up(order.target, own.workload.replicas)


def _stable(order: ApplyBatch, own: View) -> str:
    return own.workload.metadata.annotations.get(marks.STABLE_REVISION) or order.stable_revision

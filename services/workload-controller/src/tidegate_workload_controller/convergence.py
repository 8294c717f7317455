"""What to do next for an ApplyBatch order: one look at the workload in, actions out.

Pure: `decide(order, view, memory, now)` is called by the hold loop after every change that it sees, again and again, so
it says everything absolutely. First `objections` checks that the workload is still what the rollout stands on, then
the `hold` says how far the native controller may go, and `watching` follows the batch. Whatever raises a risk comes
from a live view only.
"""

from msgspec.structs import replace

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller import marks, parking, patches, returning, vitals
from tidegate_workload_controller.actions import Action, Decision, DeletePods, Patch, Report, Touch
from tidegate_workload_controller.census import revision_of
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.objections import (
    edited_hold,
    foreign_change,
    is_touched,
    objected,
    put_back,
)
from tidegate_workload_controller.saved import Saved, saved_on
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.waiting import wait_for
from tidegate_workload_controller.watching import follow


def decide(  # noqa: PLR0911 - one return per question, in the order in which they must be asked
    order: ApplyBatch, view: View | None, memory: Memory, now_s: float
) -> Decision[Memory]:
    """What to do now for this order.

    Args:
        order: What should be true.
        view: The workload; None where it doesn't exist.
        memory: What the last decision left.
        now_s: Epoch seconds.
    """
    objection = foreign_change(order, view, memory.uid)
    if objection is not None or view is None:
        return objected(order, view, objection, memory, now_s)
    memory = replace(memory, uid=view.workload.metadata.uid)
    if not is_touched(order, view):
        return _touch(order, view, memory, now_s) if view.live else Decision(memory, look_live=True)
    if view.template_digest is None:
        return Decision(memory, look_live=True)
    saved = saved_on(view.workload)
    assert saved is not None, "objected to above"
    if returning.is_return(order, view):
        return returning.decide(order, view, saved, memory, now_s)
    memory = _recognise(order, view, memory)
    if parking.is_parked(order, view, saved):
        scene = view.hold.look(order, view, saved, new=memory.canary_revision, now_s=now_s, first=True)
        return parking.decide(scene, view, saved, memory, now_s)
    if _edited(view, saved, memory):
        return _repair(order, view, saved, memory, now_s)
    memory = replace(memory, objection=None)
    if memory.canary_revision is None and view.unread and not view.live:
        return Decision(memory, look_live=True)
    if memory.canary_revision is not None and parking.is_due(order, view):
        return parking.park(order, view, saved, memory)
    scene = view.hold.look(order, view, saved, new=memory.canary_revision, now_s=now_s)
    return _move(scene, view, saved, memory, now_s)


def _touch(order: ApplyBatch, view: View, memory: Memory, now_s: float) -> Decision[Memory]:
    """The first write of a rollout: change, hold and fence in one patch."""
    saved = saved_on(view.workload) or view.hold.save(view.workload)
    stable = view.workload.metadata.annotations.get(marks.STABLE_REVISION) or order.stable_revision
    if returning.is_return(order, view):
        return returning.begin(order, view, saved, memory, now_s)
    known = revision_of(view, order.template_digest)
    scene = view.hold.look(order, view, saved, new=known, now_s=now_s, first=True)
    if scene.census.scaling:
        progress = scene.progress()
        return wait_for(progress, order, scene.census, memory, now_s, live=view.live, awaited=progress.waiting_for)
    if scene.impossible:
        return _stuck(scene, memory, now_s)
    touch = Touch(patches.held(view.hold, order, saved, stable, scene.first), order.change, order.template_digest)
    return Decision(replace(memory, setting=scene.first), (touch,), progress=scene.progress())


def _edited(view: View, saved: Saved, memory: Memory) -> bool:
    """Whether somebody else wrote the hold's own fields."""
    if not view.hold.stands(view.workload, saved):
        return True
    return memory.setting is not None and view.hold.setting(view.workload) != memory.setting


def _repair(order: ApplyBatch, view: View, saved: Saved, memory: Memory, now_s: float) -> Decision[Memory]:
    """Put an edited hold back, and say so."""
    if not view.live:
        return Decision(memory, look_live=True)
    scene = view.hold.look(order, view, saved, new=memory.canary_revision, now_s=now_s, first=True)
    patch = Patch(patches.held(view.hold, order, saved, _stable(order, view), scene.first))
    decision = put_back(order, edited_hold(view), patch, replace(memory, setting=scene.first), now_s)
    return replace(decision, progress=scene.progress())


def _recognise(order: ApplyBatch, view: View, memory: Memory) -> Memory:
    """Remember the new revision as soon as it can be told."""
    known = memory.canary_revision or order.canary_revision or revision_of(view, order.template_digest)
    return replace(memory, canary_revision=known)


def _stable(order: ApplyBatch, view: View) -> str:
    return view.workload.metadata.annotations.get(marks.STABLE_REVISION) or order.stable_revision


def _move(scene: Scene, view: View, saved: Saved, memory: Memory, now_s: float) -> Decision[Memory]:
    """Let the native controller go on as far as it may now, and follow the batch."""
    if scene.impossible:
        return _stuck(scene, memory, now_s)
    setting = scene.wanted if scene.wanted != scene.standing else None
    moves: tuple[Action, ...] = ()
    if setting is not None:
        moves = (Patch(patches.held(view.hold, scene.order, saved, _stable(scene.order, view), setting)),)
    if scene.removals:
        moves = (*moves, DeletePods(scene.removals))
    decision = follow(scene, memory, moves, now_s, live=view.live)
    if setting is None or decision.look_live:
        return decision
    return replace(decision, memory=replace(decision.memory, setting=setting))


def _stuck(scene: Scene, memory: Memory, now_s: float) -> Decision[Memory]:
    """The user's limits leave no way: say so at once instead of at the deadline."""
    if memory.vitals.stalled:
        return Decision(memory, progress=scene.progress())
    why = (
        f"with {scene.census.replicas} replicas, no surge and {scene.order.stable_minimum} stable pods that still get "
        "traffic no new pod can come: allow a surge, or roll out without traffic"
    )
    fact = vitals.stalled(scene.order, scene.census, (), why, now_s)
    memory = replace(memory, vitals=replace(memory.vitals, stalled=True))
    return Decision(memory, (Report(fact),), progress=scene.progress())

"""A held workload that was scaled to nothing: kept at the stable version until somebody scales it up again.

From nothing, the native controller gives every pod to the newest revision, whatever the hold says. So while there are
no pods, the workload gets the stable template back, free of the hold but with our marks; when replicas come, the new
template and the hold return in one patch, and the batch starts from stable pods as it should. Pure; `convergence` hands
over what concerns no pods.
"""

from msgspec.structs import replace

from tidegate_contracts.orders import ApplyBatch, PromoteWorkload
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_workload_controller import patches
from tidegate_workload_controller.actions import Decision, Progress, PutBack, Report, Touch
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.waiting import wait_for
from tidegate_workload_controller.watching import batch_ready


def is_parked(order: ApplyBatch | PromoteWorkload, view: View, saved: Saved) -> bool:
    """Whether it is us who put the stable template back: somebody else would have left the hold on."""
    stable = view.digests.get(order.stable_revision)
    back = stable is not None and stable == view.template_digest != order.template_digest
    return back and view.hold.moves_freely(view.workload, saved)


def is_due(order: ApplyBatch, view: View) -> bool:
    """Whether there are no pods, and some of those to come should be stable ones."""
    if order.going_back:  # the template is the stable one already
        return False
    partial = order.target.percent != WHOLE_PERCENT or order.style != "partition"
    return view.workload.replicas == 0 and partial and order.stable_revision in view.digests


def park(order: ApplyBatch, view: View, saved: Saved, memory: Memory) -> Decision[Memory]:
    if not view.live:
        return Decision(memory, look_live=True)
    body = patches.free(view.hold, order, saved, order.stable_revision)
    return Decision(replace(memory, setting=None), (PutBack(body, order.stable_revision),))


def decide(scene: Scene, view: View, saved: Saved, memory: Memory, now_s: float) -> Decision[Memory]:
    """Stay as long as there are no pods; then go on where the batch would have started."""
    if not view.live:
        return Decision(memory, look_live=True)
    if is_due(scene.order, view):
        return _nothing_to_do(scene, memory, now_s)
    if scene.census.scaling or scene.census.old_told < scene.census.replicas:  # it would still be from nothing
        stable = f"{scene.census.replicas} pods of the stable version"
        progress = replace(scene.progress(), waiting_for=stable)
        return wait_for(progress, scene.order, scene.census, memory, now_s, live=view.live, awaited=stable)
    body = patches.held(view.hold, scene.order, saved, scene.order.stable_revision, scene.first)
    memory = replace(memory, setting=scene.first)
    if memory.canary_revision in view.digests:
        return Decision(memory, (PutBack(body, memory.canary_revision or ""),), progress=scene.progress())
    return Decision(memory, (Touch(body, scene.order.change, scene.order.template_digest),), progress=scene.progress())


def _nothing_to_do(scene: Scene, memory: Memory, now_s: float) -> Decision[Memory]:
    progress = Progress(0, scene.census.counts)
    if memory.reported == (0, True) or memory.canary_revision is None:
        return Decision(memory, progress=progress)
    fact = batch_ready(scene.order, memory.canary_revision, 0, scene.census.counts, now_s)
    return Decision(replace(memory, reported=(0, True)), (Report(fact),), progress=progress)

"""An ApplyBatch order whose version is the stable one: a newer request that wants back what was there before.

It meets a workload that an earlier rollout holds. The stable revision is in no need of being approved step by step:
its pods come back at once, natively, within the user's own limits, and every step finds its batch ready then. Pure;
`convergence` hands such orders over.
"""

from msgspec.structs import replace

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller import marks, patches, turning
from tidegate_workload_controller.actions import Decision, Patch, Progress, Report, Touch
from tidegate_workload_controller.census import Census, count
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.saved import Saved, saved_on
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.symptoms import symptoms
from tidegate_workload_controller.waiting import wait_for
from tidegate_workload_controller.watching import batch_ready


def is_return(order: ApplyBatch, view: View) -> bool:
    return view.digests.get(order.stable_revision) == order.template_digest


def begin(order: ApplyBatch, view: View, saved: Saved, memory: Memory, now_s: float) -> Decision[Memory]:
    """The stable template, and the user's own limits where it can be let go at once."""
    held = saved_on(view.workload) is not None
    turn = turning.turn(view, saved, in_place=False) if held else "go"
    if turn == "wait":
        return _until_counted(order, view, _census(order, view, saved, now_s), memory, now_s)
    stable = view.workload.metadata.annotations.get(marks.STABLE_REVISION) or order.stable_revision
    body = (patches.still if turn == "stop" else patches.free)(view.hold, order, saved, stable)
    return Decision(memory, (Touch(body, order.change, order.template_digest),))


def decide(order: ApplyBatch, view: View, saved: Saved, memory: Memory, now_s: float) -> Decision[Memory]:
    """Wait until the stable revision is whole, and report the batch."""
    memory = replace(memory, canary_revision=order.stable_revision, objection=None)
    census = _census(order, view, saved, now_s)
    progress = Progress(census.replicas, census.counts)
    if turning.turn(view, saved, in_place=True) == "wait":
        return _until_counted(order, view, census, memory, now_s)
    if not view.hold.moves_freely(view.workload, saved):
        patch = Patch(patches.free(view.hold, order, saved, order.stable_revision))
        return Decision(memory, (patch,)) if view.live else Decision(memory, look_live=True)
    if not _whole(census):
        return _wait(order, view, census, progress, memory, now_s=now_s)
    if memory.reported == (census.replicas, True):
        return Decision(memory, progress=progress)
    if not view.live:
        return Decision(memory, look_live=True)
    fact = batch_ready(order, order.stable_revision, census.replicas, census.counts, now_s)
    return Decision(replace(memory, reported=(census.replicas, True)), (Report(fact),), progress=progress)


def _until_counted(order: ApplyBatch, view: View, census: Census, memory: Memory, now_s: float) -> Decision[Memory]:
    progress = Progress(census.replicas, census.counts, turning.COUNTED)
    return turning.soon(_wait(order, view, census, progress, memory, now_s=now_s), now_s)


def _wait(
    order: ApplyBatch, view: View, census: Census, progress: Progress, memory: Memory, *, now_s: float
) -> Decision[Memory]:
    told = [each for each in view.revisions if each.name == order.stable_revision]
    return wait_for(
        progress,
        order,
        census,
        memory,
        now_s,
        live=view.live,
        awaited=progress.waiting_for,
        ailments=symptoms(census.new, told),
        obstacles=view.hold.obstacles(view, order.stable_revision),
    )


def _census(order: ApplyBatch, view: View, saved: Saved, now_s: float) -> Census:
    new, min_ready_s = order.stable_revision, view.hold.min_ready_s(view.workload, saved)
    return count(view, new=new, stable=new, min_ready_s=min_ready_s, now_s=now_s)


def _whole(census: Census) -> bool:
    return census.available >= census.replicas and census.alive <= census.replicas

"""An ApplyBatch order whose version is the stable one: a newer request that wants back what was there before.

It meets a workload that an earlier rollout holds. The stable revision is in no need of being approved step by step:
its pods come back at once, natively, within the user's own limits, and every step finds its batch ready then. Pure;
`convergence` hands such orders over.
"""

from msgspec.structs import replace

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller import patches, vitals
from tidegate_workload_controller.actions import Action, Decision, DeletePods, Patch, Progress, Report
from tidegate_workload_controller.census import Census, count
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.symptoms import symptoms
from tidegate_workload_controller.watching import batch_ready


def is_return(order: ApplyBatch, view: View) -> bool:
    return view.digests.get(order.stable_revision) == order.template_digest


def decide(order: ApplyBatch, view: View, saved: Saved, memory: Memory, now_s: float) -> Decision[Memory]:
    """Wait until the stable revision is whole, and report the batch."""
    memory = replace(memory, canary_revision=order.stable_revision, objection=None)
    if not view.hold.moves_freely(view.workload, saved):
        patch = Patch(patches.free(view.hold, order, saved, order.stable_revision))
        return Decision(memory, (patch,)) if view.live else Decision(memory, look_live=True)
    new = order.stable_revision
    min_ready_s = view.hold.min_ready_s(view.workload, saved)
    census = count(view, new=new, stable=new, min_ready_s=min_ready_s, now_s=now_s)
    progress = Progress(census.replicas, census.counts)
    if not _whole(census):
        told = [each for each in view.revisions if each.name == new]
        finding = vitals.unfinished(memory.vitals, order, census, symptoms(census.new, told), now_s)
        obstacles = view.hold.obstacles(view, new)
        if (finding.facts or obstacles) and not view.live:
            return Decision(memory, look_live=True)
        actions: tuple[Action, ...] = tuple(map(Report, finding.facts))
        if obstacles:
            actions = (*actions, DeletePods(obstacles))
        return Decision(replace(memory, vitals=finding.vitals), actions, until_s=finding.until_s, progress=progress)
    if memory.reported == (census.replicas, True):
        return Decision(memory, progress=progress)
    if not view.live:
        return Decision(memory, look_live=True)
    fact = batch_ready(order, new, census.replicas, census.counts, now_s)
    return Decision(replace(memory, reported=(census.replicas, True)), (Report(fact),), progress=progress)


def _whole(census: Census) -> bool:
    return census.available >= census.replicas and census.alive <= census.replicas

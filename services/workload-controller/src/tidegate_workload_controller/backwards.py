"""What to do next for an ApplyBatch order that goes back: so many new pods may stay, the others are stable ones again.

Pure; the kinds call it instead of `convergence`. It is the same batch with the roles changed: the stable version is
rolled out, in the same hold, to all pods but those that stay, and the version that was new stays behind. So the
workload gets the stable template back, and `convergence` does the rest; what it reports is told in the order's own
terms. That the pods which go are broken is no hindrance, since those that come are the ones that have to be ready.
"""

from msgspec.structs import replace

from tidegate_contracts.facts import BatchReady, PodCounts, WorkloadFact
from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_workload_controller import convergence, failures, marks, parking, patches, turning
from tidegate_workload_controller.actions import Action, Decision, PutBack, Report
from tidegate_workload_controller.batch import target_pods
from tidegate_workload_controller.census import Census
from tidegate_workload_controller.memory import Memory, Objection
from tidegate_workload_controller.objections import foreign_change, objected
from tidegate_workload_controller.saved import saved_on
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.waiting import wait_for
from tidegate_workload_controller.watching import batch_ready


def decide(order: ApplyBatch, view: View | None, memory: Memory, now_s: float) -> Decision[Memory]:
    """What to do now for this order; see `convergence.decide`."""
    if view is None:
        return convergence.decide(order, view, memory, now_s)
    stable = view.digests.get(order.stable_revision)
    if not view.live and (stable is None or view.template_digest is None):
        return Decision(memory, look_live=True)
    if stable is None:
        objection = Objection(f"revision {order.stable_revision}, which is to come back, is gone", view.changed_by)
        return objected(order, view, objection, memory, now_s)
    turned = _turned(order, view, stable)
    if memory.setting is None and _faces_forward(order, view, stable):
        return _turn(order, turned, view, memory, now_s)
    return _told_as_ordered(order, convergence.decide(turned, view, memory, now_s))


def _turned(order: ApplyBatch, view: View, stable_digest: str) -> ApplyBatch:
    """The order with the roles changed; the pods that stay are counted anew whenever the workload is scaled."""
    replicas = view.workload.replicas
    return replace(
        order,
        change=None,
        target=Target(count=replicas - target_pods(order.target, replicas)),
        template_digest=stable_digest,
        stable_revision=order.canary_revision or "",
        canary_revision=order.stable_revision,
        failure_threshold=None,
    )


def _faces_forward(order: ApplyBatch, view: View, stable_digest: str) -> bool:
    """Whether the workload still leads to the new version, or was let go to the stable one for want of pods."""
    saved = saved_on(view.workload)
    if view.template_digest == order.template_digest != stable_digest:
        return True
    return saved is not None and parking.is_parked(order, view, saved)


def _turn(order: ApplyBatch, turned: ApplyBatch, view: View, memory: Memory, now_s: float) -> Decision[Memory]:
    """The stable template and the hold in one patch, before the first pod comes back."""
    objection = foreign_change(order, view, memory.uid)
    if objection is not None:
        return objected(order, view, objection, memory, now_s)
    saved = saved_on(view.workload)
    assert saved is not None, "objected to above"
    scene = view.hold.look(turned, view, saved, new=order.stable_revision, now_s=now_s, first=True)
    if scene.census.scaling or view.counts_lag:
        progress = replace(scene.progress(), waiting_for=turning.COUNTED)
        waiting = wait_for(progress, order, scene.census, memory, now_s, live=view.live, awaited=turning.COUNTED)
        return turning.soon(_told_as_ordered(order, waiting), now_s)
    if not view.live:
        return Decision(memory, look_live=True)
    if scene.goal == 0 and scene.census.replicas > 0:
        return _all_stay(order, scene.census, memory, now_s)
    stable = view.workload.metadata.annotations.get(marks.STABLE_REVISION) or order.stable_revision
    body = patches.held(view.hold, turned, saved, stable, scene.first)
    memory = replace(memory, uid=view.workload.metadata.uid, setting=scene.first, canary_revision=order.stable_revision)
    return Decision(memory, (PutBack(failures.noted(body, view, order.rollout), order.stable_revision),))


def _all_stay(order: ApplyBatch, census: Census, memory: Memory, now_s: float) -> Decision[Memory]:
    """Of very few pods two steps may have as many: then nothing has to move, and not every hold can say so."""
    if memory.reported == (census.replicas, True):
        return Decision(memory)
    fact = batch_ready(order, order.canary_revision or "", census.replicas, _turned_counts(census.counts), now_s)
    return Decision(replace(memory, reported=(census.replicas, True)), (Report(fact),))


def _told_as_ordered(order: ApplyBatch, decision: Decision[Memory]) -> Decision[Memory]:
    """What is reported in the order's own terms: updated pods are those that were new."""
    actions: tuple[Action, ...] = tuple(
        Report(_as_ordered(order, action.fact)) if isinstance(action, Report) else action for action in decision.actions
    )
    progress = decision.progress
    if progress is not None:
        counts = _turned_counts(progress.counts)
        progress = replace(progress, target_pods=counts.replicas - progress.target_pods, counts=counts)
    return replace(decision, actions=actions, progress=progress)


def _as_ordered(order: ApplyBatch, fact: WorkloadFact) -> WorkloadFact:
    counts = getattr(fact, "counts", None)
    if counts is None:
        return fact
    if isinstance(fact, BatchReady):
        fact = replace(
            fact, canary_revision=order.canary_revision or "", target_pods=counts.replicas - fact.target_pods
        )
    return replace(fact, counts=_turned_counts(counts))


def _turned_counts(counts: PodCounts) -> PodCounts:
    return PodCounts(
        replicas=counts.replicas,
        updated=counts.stable,
        updated_ready=counts.stable_ready,
        stable=counts.updated,
        stable_ready=counts.updated_ready,
    )

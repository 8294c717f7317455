"""The workload-controller as its orders' holder: pods come and go as the order says, in each of the styles.

Like the other modelled services it trusts its orders and guards nothing by itself; `world` says what must never be.
"""

from saga_model.workers import PROBLEM, Holder
from saga_model.world import pods_of
from tidegate_contracts.facts import (
    BatchDegraded,
    BatchReady,
    BatchRecovered,
    BatchStalled,
    WorkloadChanged,
    WorkloadGone,
    WorkloadPrepared,
    WorkloadPromoted,
    WorkloadRefused,
    WorkloadReleased,
)
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload, PromoteWorkload, ReleaseWorkload
from tidegate_contracts.plan import least_ready

DEGRADED_AFTER_S = 5.0
PROMOTION_S_MAX = 10.0


class WorkloadHolder(Holder):
    settling = False
    """Whether the batch was said to be ready before its stable pods went."""

    def converge(self) -> None:
        if self.world.deleted:
            self._deleted()
        elif isinstance(self.order, PrepareWorkload):
            self._prepare()
        elif isinstance(self.order, ApplyBatch):
            self._apply(self.order)
        elif isinstance(self.order, PromoteWorkload):
            self._promote(self.order)
        elif isinstance(self.order, ReleaseWorkload):
            self._release(self.order)

    def _deleted(self) -> None:
        if isinstance(self.order, ReleaseWorkload):
            self.report(WorkloadReleased, "released", mode=self.order.mode)
            self.done()
            return
        self.report(WorkloadGone, "gone")

    def _prepare(self) -> None:
        if self.order.rollout in self.service.options.refused_workloads:
            self.report(WorkloadRefused, "refused", problem=PROBLEM)
            return
        stable = self.world.saved_stable or self.world.most_ready()
        counts = self.world.counts_of_stable(stable)
        self.report(WorkloadPrepared, "prepared", stable_revision=stable, template_digest="d", counts=counts)

    def _apply(self, order: ApplyBatch) -> None:
        world = self.world
        if not world.fenced("workload", order.revision):
            self.end()
            return
        assert order.change is not None
        new = order.change.images["web"].partition(":")[2]
        if world.edited:
            world.edited = False
            self.report(WorkloadChanged, what="the template", by="kubectl")
        if order.going_back:
            self._go_back(order, new)
            return
        wanted = pods_of(order.target, world.replicas)
        limit = wanted if order.settle or order.style != "partition" else self._unsettled(wanted, order)
        world.hold(order.style, order.stable_revision)
        if order.style != "canary":
            world.template = new
        if self.wrote != wanted:
            self.wrote = wanted
            self.again(self.order.progress_deadline_s + 1.0)
        if order.style != "partition":
            self._beside(order, new, limit)
        elif not self.service.options.surge:
            self._without_surge(order, new, limit)
        else:
            world.add_pods(new, limit, order.revision)
        self._observe(order, new, limit)

    def _go_back(self, order: ApplyBatch, new: str) -> None:
        """Stable pods come first, as many as may be missing of the new ones; then these go."""
        world, keep = self.world, pods_of(order.target, self.world.replicas)
        stable = world.saved_stable or order.stable_revision
        wanted = world.replicas - min(keep, world.pods.get(new, 0))
        if self.wrote is None:
            self.wrote = world.template = stable
            self.again(order.progress_deadline_s + 1.0)
        world.add_pods(stable, wanted, order.revision)
        if world.ready.get(stable, 0) >= wanted:
            world.shrink_others(stable, world.replicas - wanted, new)
            counts = world.counts(new)
            fields = {"canary_revision": new, "target_pods": keep, "counts": counts}
            self.report(BatchReady, "returned", step=order.step, settled=True, **fields)
        elif self.engine.now_s - self.service.since_s >= order.progress_deadline_s:
            self.report(BatchStalled, "stalled", step=order.step, reason="not back")

    def _beside(self, order: ApplyBatch, new: str, wanted: int) -> None:
        self.world.auditor.pods_ordered(order.revision)
        self.world.add_extra(new, wanted, order.revision)

    def _without_surge(self, order: ApplyBatch, new: str, limit: int) -> None:
        """A few old pods go, as many new ones come, and again once these are ready."""
        world = self.world
        if world.ready.get(new, 0) < world.pods.get(new, 0):
            return
        goal = min(limit, world.pods.get(new, 0) + -(-world.replicas // 4))
        world.shrink_others(new, max(world.replicas - goal, order.stable_minimum), order.stable_revision)
        world.add_pods(new, goal, order.revision)

    def _unsettled(self, wanted: int, order: ApplyBatch) -> int:
        return wanted if self.service.options.surge else min(wanted, self.world.replicas - order.stable_minimum)

    def _observe(self, order: ApplyBatch, new: str, limit: int) -> None:
        world = self.world
        if world.ready.get(new, 0) < least_ready(limit, order.failure_threshold):
            self._not_ready(order, new)
            return
        if order.style != "partition":
            self._ready(order, new, limit, settled=True)
            return
        rest = max(world.replicas - world.pods[new], order.stable_minimum)
        if order.settle and world.counts(new).stable > rest and self.service.options.settles_late and not self.settling:
            self.settling = True
            self.again(0.5)
        elif order.settle:
            world.shrink_others(new, rest, order.stable_revision)
        settled = world.counts(new).stable <= rest
        self._ready(order, new, limit, settled=settled)

    def _ready(self, order: ApplyBatch, new: str, limit: int, *, settled: bool) -> None:
        counts = self.world.counts(new)
        if self.reported & {"degraded", "stalled"}:
            self.reported -= {"degraded", "stalled", "ready"}
            self.report(BatchRecovered, step=order.step, counts=counts)
        self.report(
            BatchReady,
            "ready" if settled or not order.settle else "unsettled",
            step=order.step,
            settled=settled,
            canary_revision=new,
            target_pods=limit,
            counts=counts,
        )

    def _not_ready(self, order: ApplyBatch, new: str) -> None:
        counts = self.world.counts(new)
        broken = self.world.ready.get(new, 0) < min(order.ready_before, self.world.pods.get(new, 0))
        if "ready" in self.reported or broken:
            if "unready" not in self.reported:
                self.reported.add("unready")
                self.engine.after(DEGRADED_AFTER_S, self._degraded, order, new)
            return
        if self.engine.now_s - self.service.since_s >= order.progress_deadline_s:
            self.report(BatchStalled, "stalled", step=order.step, reason="not ready", counts=counts)

    def _degraded(self, order: ApplyBatch, new: str) -> None:
        self.reported.discard("unready")
        if self.alive and self.world.ready.get(new, 0) < least_ready(
            self.world.pods.get(new, 0), order.failure_threshold
        ):
            counts = self.world.counts(new)
            self.report(BatchDegraded, "degraded", step=order.step, reason="not ready any more", counts=counts)

    def _promote(self, order: PromoteWorkload) -> None:
        """The workload's own pods are rolled by its own strategy; extra pods stay."""
        world = self.world
        if not world.fenced("workload", order.revision):
            self.end()
            return
        if world.edited:
            world.edited = False
            self.report(WorkloadChanged, what="the template", by="kubectl")
        assert order.change is not None
        new = order.change.images["web"].partition(":")[2]
        world.hold(order.style, order.stable_revision)
        if self.wrote is None:
            self.wrote = world.template = new
            self.again(order.progress_deadline_s + 1.0)
        beside = world.extra.get(new, 0) if order.style == "canary" else 0
        world.add_pods(new, world.replicas + beside, order.revision)
        if world.ready.get(new, 0) >= world.replicas + beside:
            if not self.settling:
                self._promote_half(order, new)
                return
            world.shrink_others(new, 0, order.stable_revision)
            if order.style == "blue_green":
                world.extra.pop(new, None)  # the workload's own now
            self.report(WorkloadPromoted, "promoted", counts=world.counts(new))
        elif self.engine.now_s - self.service.since_s >= order.progress_deadline_s:
            self.report(BatchStalled, "stalled", step=0, reason="not whole")

    def _promote_half(self, order: PromoteWorkload, new: str) -> None:
        self.settling = True
        self.world.shrink_others(new, self.world.replicas // 2, order.stable_revision)
        self.again(self.engine.random.random() * PROMOTION_S_MAX)

    def _release(self, order: ReleaseWorkload) -> None:
        world = self.world
        if not world.fenced("workload", order.revision):
            self.end()
            return
        if self.wrote is None:
            stable = world.saved_stable or order.stable_revision
            self.wrote = {"restore": stable, "promote": world.newest}.get(order.mode) or world.template
            world.template = self.wrote
            if order.style == (world.style or order.style):
                world.saved_stable = None
            self.again(order.progress_deadline_s + 1.0)
        beside = world.extra.get(self.wrote, 0) if world.style == "canary" else 0
        world.add_pods(self.wrote, world.replicas + beside, order.revision)
        if world.ready.get(self.wrote, 0) >= world.replicas + beside:
            if order.style == world.style:
                self._forget_extra(order, self.wrote)
            world.shrink_others(self.wrote, 0, self.wrote)
            self.report(WorkloadReleased, "released", mode=order.mode, counts=world.counts(self.wrote))
            self.done()
        elif self.engine.now_s - self.service.since_s >= order.progress_deadline_s:
            self.report(BatchStalled, "stalled", step=0, reason="not whole")

    def _forget_extra(self, order: ReleaseWorkload, kept: str) -> None:
        """Extra pods go; those that blue_green made the workload grow by are its own where their version is kept."""
        world = self.world
        for revision in list(world.extra):
            if order.style == "canary" or revision != kept:
                world.remove_extra(revision)
        world.extra, world.style = {}, None
        world.remove_pods(kept, world.replicas)

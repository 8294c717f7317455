"""The three services as their orders' holders: each converges the world to its order, reports, and may die at
any moment.

They trust their orders and guard nothing by themselves, so that the invariants rest on the saga alone. A
holder that died is followed by another one that starts from the world as it is; one that was only cut off
goes on until a fence stops it.
"""

from collections.abc import Callable
from typing import Any

from saga_model.engine import Engine
from saga_model.options import Options
from saga_model.world import World, pods_of
from tidegate_contracts.facts import (
    AnalysisConcluded,
    AnalysisReleased,
    AnyFact,
    BatchDegraded,
    BatchReady,
    BatchRecovered,
    BatchStalled,
    TrafficRefused,
    TrafficReleased,
    TrafficShifted,
    WorkloadChanged,
    WorkloadGone,
    WorkloadPrepared,
    WorkloadRefused,
    WorkloadReleased,
)
from tidegate_contracts.orders import (
    RELEASES,
    Analyse,
    ApplyBatch,
    PrepareWorkload,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
)
from tidegate_contracts.problem import Problem

TAKEOVER_S = 5.0
DEGRADED_AFTER_S = 5.0
PROBLEM = Problem(field="spec", value="x", rule="something else", remedy="Mend it.")


class Holder:
    """One copy of a service with one order."""

    def __init__(self, service: "Service", order: Any) -> None:
        self.service = service
        self.engine = service.engine
        self.world = service.world
        self.order = order
        self.alive = True
        self.reported: set[str] = set()
        self.wrote: Any = None

    def start(self) -> None:
        self.look()

    def look(self) -> None:
        """Converges a little; called whenever something may have changed."""
        if self.alive and not self.dies():
            self.converge()

    def converge(self) -> None:
        raise NotImplementedError

    def again(self, delay_s: float) -> None:
        self.engine.after(delay_s, self.look)

    def dies(self) -> bool:
        faults, random = self.service.options.faults, self.engine.random
        if not faults.worker_crash or self.service.healed or random.random() >= faults.worker_crash:
            return False
        if self.service.holder is self:
            self.service.lose(self)
        if random.random() < faults.zombie:
            lasts_s = random.random() * 20.0
            self.engine.after(lasts_s, self.end)
            self.engine.after(lasts_s * random.random(), self.relapse)
            return False
        self.end()
        return True

    def relapse(self) -> None:
        """Cut off, it still makes its order true."""
        self.wrote = None
        self.look()

    def end(self) -> None:
        self.alive = False

    def report(self, kind: type[Any], once: str = "", **fields: Any) -> None:
        """Says a fact, at most once in the same state of things."""
        if once:
            if once in self.reported:
                return
            self.reported.add(once)
        fact = kind(rollout=self.order.rollout, order_revision=self.order.revision, at_s=self.engine.now_s, **fields)
        self.service.tell(fact)

    def done(self) -> None:
        """A release is carried out: acked."""
        self.alive = False
        if self.service.holder is self:
            self.service.acked = self.order.revision


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
        wanted = pods_of(order.target, world.replicas)
        limit = wanted if order.settle else self._unsettled(wanted, order)
        world.template, world.saved_stable = new, world.saved_stable or order.stable_revision
        if self.wrote != wanted:
            self.wrote = wanted
            self.again(self.order.progress_deadline_s + 1.0)
        if not self.service.options.surge:
            self._without_surge(order, new, limit)
        else:
            world.add_pods(new, limit)
        self._observe(order, new, limit)

    def _without_surge(self, order: ApplyBatch, new: str, limit: int) -> None:
        """A few old pods go, as many new ones come, and again once these are ready."""
        world = self.world
        if world.ready.get(new, 0) < world.pods.get(new, 0):
            return
        goal = min(limit, world.pods.get(new, 0) + -(-world.replicas // 4))
        world.shrink_others(new, max(world.replicas - goal, order.stable_minimum), order.stable_revision)
        world.add_pods(new, goal)

    def _unsettled(self, wanted: int, order: ApplyBatch) -> int:
        return wanted if self.service.options.surge else min(wanted, self.world.replicas - order.stable_minimum)

    def _observe(self, order: ApplyBatch, new: str, limit: int) -> None:
        world = self.world
        if world.ready.get(new, 0) < limit:
            self._not_ready(order, new)
            return
        rest = max(world.replicas - world.pods[new], order.stable_minimum)
        if order.settle and world.counts(new).stable > rest and self.service.options.settles_late and not self.settling:
            self.settling = True
            self.again(0.5)
        elif order.settle:
            world.shrink_others(new, rest, order.stable_revision)
        counts = world.counts(new)
        if self.reported & {"degraded", "stalled"}:
            self.reported -= {"degraded", "stalled", "ready"}
            self.report(BatchRecovered, step=order.step, counts=counts)
        settled = counts.stable <= rest
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
        if self.alive and self.world.ready.get(new, 0) < self.world.pods.get(new, 0):
            counts = self.world.counts(new)
            self.report(BatchDegraded, "degraded", step=order.step, reason="not ready any more", counts=counts)

    def _release(self, order: ReleaseWorkload) -> None:
        world = self.world
        if not world.fenced("workload", order.revision):
            self.end()
            return
        if self.wrote is None:
            stable = world.saved_stable or order.stable_revision
            self.wrote = (stable or world.template) if order.mode == "restore" else world.template
            world.template, world.saved_stable = self.wrote, None
            self.again(order.progress_deadline_s + 1.0)
        world.add_pods(self.wrote, world.replicas)
        if world.ready.get(self.wrote, 0) >= world.replicas:
            world.shrink_others(self.wrote, 0, self.wrote)
            self.report(WorkloadReleased, "released", mode=order.mode, counts=world.counts(self.wrote))
            self.done()
        elif self.engine.now_s - self.service.since_s >= order.progress_deadline_s:
            self.report(BatchStalled, "stalled", step=0, reason="not whole")


class TrafficHolder(Holder):
    def converge(self) -> None:
        order, world, random = self.order, self.world, self.engine.random
        if self.wrote is not None or not world.fenced("route", order.revision):
            return
        self.wrote = order.revision
        if self.service.options.refused and not self.service.healed and random.random() < self.service.options.refused:
            self.report(TrafficRefused, problem=PROBLEM)
            return
        self.engine.after(0.05 + random.random() * 0.3, self._accepted)

    def _accepted(self) -> None:
        """The proxies follow the last write."""
        order, world = self.order, self.world
        if not self.alive or world.fences["route"] != order.revision:
            return
        grace_s = max(reference.grace_s for reference in order.traffic)
        if isinstance(order, ShiftTraffic):
            if order.weight_percent and order.canary_revision in world.pods and not world.ready[order.canary_revision]:
                self.engine.after(1.0, self._accepted)  # as the real one: no ready endpoint, no share, whatever is said
                return
            world.shift(order)
            fields = {"weight_percent": order.weight_percent, "accepted_at_s": self.engine.now_s}
            self.engine.after(grace_s if order.lowering else 0.0, self._say, TrafficShifted, fields)
        elif isinstance(order, ReleaseTraffic):
            world.release_route(order)
            self.engine.after(grace_s, self._say, TrafficReleased, {})

    def _say(self, kind: type[Any], fields: dict[str, Any]) -> None:
        if not self.alive or self.dies():
            return
        self.report(kind, **fields)
        if kind is TrafficReleased:
            self.done()


class AnalysisHolder(Holder):
    def converge(self) -> None:
        order = self.order
        if not isinstance(order, Analyse):
            self.report(AnalysisReleased, "released")
            self.done()
            return
        if self.wrote is None:
            self.wrote = order.revision
            delay_s = 0.3 + self.engine.random.random() * 2.0
            if order.step_analysis is not None:
                self.engine.after(delay_s, self._conclude, "step")
            if order.background_analysis is not None:
                self.engine.after(delay_s * 3.0, self._conclude, "background")

    def _conclude(self, scope: str) -> None:
        if not self.alive or self.dies():
            return
        verdict = self._verdict()
        if scope == "background" and verdict != "fail":
            return
        self.report(
            AnalysisConcluded,
            scope=scope,
            step=self.order.step,
            verdict=verdict,
            reason=verdict,
            started_at_s=self.order.since_s,
        )

    def _verdict(self) -> str:
        options = self.service.options
        if options.bad_from_step and self.order.canary_revision == "v2" and self.order.step >= options.bad_from_step:
            return "fail"
        doubtful = options.inconclusive and not self.service.healed
        return "inconclusive" if doubtful and self.engine.random.random() < options.inconclusive else "pass"


class Service:
    """One of the three: the newest order of the workload, and whoever holds it."""

    def __init__(
        self, kind: type[Holder], engine: Engine, world: World, options: Options, tell: Callable[[AnyFact], None]
    ) -> None:
        self.kind = kind
        self.engine = engine
        self.world = world
        self.options = options
        self.tell = tell
        self.newest: Any = None
        self.holder: Holder | None = None
        self.acked = 0
        self.since_s = 0.0
        self.healed = False

    def deliver(self) -> None:
        """The newest order reaches a copy; whoever had an older one drops it."""
        order = self.newest
        if self.holder is not None:
            if self.holder.order.revision == order.revision:
                return
            self.holder.end()
        self.since_s = self.engine.now_s
        self._hold(order)

    def _hold(self, order: Any) -> None:
        self.holder = self.kind(self, order)
        self.holder.start()

    def lose(self, holder: Holder) -> None:
        """Its heartbeats stop: another copy gets the order, unless it was acked."""
        self.engine.after(TAKEOVER_S, self._take_over, holder)

    def _take_over(self, lost: Holder) -> None:
        if self.holder is not lost or self.acked == lost.order.revision:
            return
        self._hold(lost.order)

    def look(self) -> None:
        if self.holder is not None:
            self.holder.look()

    @property
    def stands(self) -> bool:
        """Whether its order is one that ends only with a newer one."""
        return self.newest is not None and not isinstance(self.newest, RELEASES)

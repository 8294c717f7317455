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
from saga_model.world import World
from tidegate_contracts.facts import (
    AnalysisConcluded,
    AnalysisReleased,
    AnyFact,
    TrafficRefused,
    TrafficReleased,
    TrafficShifted,
)
from tidegate_contracts.orders import (
    RELEASES,
    Analyse,
    ReleaseTraffic,
    ShiftTraffic,
)
from tidegate_contracts.problem import Problem

TAKEOVER_S = 5.0
DEGRADED_AFTER_S = 5.0
_CLOCKS_APART_S = 0.3
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
            if order.step_analysis is not None and order.watch_until_s:
                self._bake(order, delay_s)
            elif order.step_analysis is not None:
                self.engine.after(delay_s, self._conclude, "step")
            if order.background_analysis is not None:
                self.engine.after(delay_s * 3.0, self._conclude, "background")

    def _bake(self, order: Analyse, delay_s: float) -> None:
        """What is bad is said at once, and a pass at the end, by a clock that is no other's."""
        left_s = order.watch_until_s - self.engine.now_s + self.engine.random.random() - _CLOCKS_APART_S
        self.engine.after(delay_s if self._is_bad() else max(delay_s, left_s), self._conclude, "bake")

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
        if self._is_bad():
            return "fail"
        doubtful = options.inconclusive and not self.service.healed
        return "inconclusive" if doubtful and self.engine.random.random() < options.inconclusive else "pass"

    def _is_bad(self) -> bool:
        first = self.service.options.bad_from_step
        return bool(first) and self.order.canary_revision == "v2" and self.order.step >= first


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

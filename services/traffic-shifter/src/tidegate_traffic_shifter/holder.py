"""Carries out one standing order: look and write, report, sleep until something changes, until superseded or done.

Called by the chassis' standing orders, one task per workload. `shift` and `release` say in outcomes what they found;
here they become facts, each told once, with deadlines and the grace period. Nothing is polled.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, Permanent, UnknownOutcome
from tidegate_chassis.publish import Reports
from tidegate_chassis.standing_orders import HeldOrder
from tidegate_contracts.orders import MarkRequests, ReleaseTraffic, RouteOrder, ShiftTraffic
from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.gone import Gone
from tidegate_traffic_shifter.marking import Marking
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Settled, repairs, worst
from tidegate_traffic_shifter.patience import patience_s
from tidegate_traffic_shifter.pins import revision_label
from tidegate_traffic_shifter.release import Release
from tidegate_traffic_shifter.reporter import Reporter
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.services import Services
from tidegate_traffic_shifter.shift import Shift

CONFLICTS_MAX: Final = 5
"""Lost races in a row after which the order is tried again later."""

REFUSED_WAIT_S: Final = 15.0
"""After a refusal without a change on our side: people have to change something first."""

Work = Shift | Marking | Release
_log = structlog.get_logger(__name__)


class TrafficHolder:
    """The chassis' `Holder` of traffic orders.

    Args:
        cluster: Who wakes us.
        services: The Services behind the routes.
        routers: By the plugin's name.
        publisher: Where facts go.
        clock: The time.
    """

    def __init__(
        self,
        cluster: WakingCluster,
        services: Services,
        routers: Mapping[str, Router],
        publisher: Reports,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._services = services
        self._routers = routers
        self._publisher = publisher
        self._clock = clock

    async def hold(self, held: HeldOrder[RouteOrder]) -> None:
        reporter = Reporter(held, self._publisher, self._clock)
        places = [Place.of(held.key.namespace, reference) for reference in held.order.traffic]
        unknown = next((place for place in places if place.router not in self._routers), None)
        if unknown is not None and not isinstance(held.order, ReleaseTraffic):
            await reporter.refused(self._unknown(unknown).problem)
            return
        await self._until_synced(held, reporter)
        asked = {place: await self._unserved(place) for place in places}
        unserved = {place: refused for place, refused in asked.items() if refused is not None}
        refused = next(iter(unserved.values()), None)
        if refused is not None and not isinstance(held.order, ReleaseTraffic):
            await reporter.refused(refused.problem)
            return
        routed = self._routed(places, unserved)
        keys = [
            key
            for place, router in routed.items()
            for key in (*router.wake_keys(place), *self._services.wake_keys(place))
        ]
        await self._until_synced(held, reporter)
        fence = Fence(held, self._clock)
        with self._cluster.woken_by(keys) as changed:
            work = self._work(held, routed, fence)
            await _Loop(work, reporter, changed, fence=fence, order=held.order, clock=self._clock).run()

    def _unknown(self, place: Place) -> Refused:
        return Refused(problems.unknown_router(place.router, ", ".join(sorted(self._routers)) or "none"))

    async def _unserved(self, place: Place) -> Refused | None:
        """Why nobody here can read and write the route."""
        router = self._routers.get(place.router)
        return self._unknown(place) if router is None else await router.unserved(place)

    def _routed(self, places: Iterable[Place], unserved: Mapping[Place, Refused]) -> dict[Place, Router]:
        """Who writes the routes. Where a release finds nobody, the Services behind them were ours all the same."""
        for place, refused in unserved.items():
            _log.warning("nothing of the route can be given back", route=place.route, reason=str(refused.problem))
        return {place: Gone() if place in unserved else self._routers[place.router] for place in places}

    async def _until_synced(self, held: HeldOrder[RouteOrder], reporter: Reporter) -> None:
        try:
            async with asyncio.timeout(held.order.deadline_s):
                await self._cluster.wait_synced()
        except TimeoutError:
            reason = self._cluster.problem() or "the caches are not filled"
            await reporter.refused(problems.late(reason, held.order.deadline_s))
            await self._cluster.wait_synced()

    def _work(self, held: HeldOrder[RouteOrder], routed: Mapping[Place, Router], fence: Fence) -> Work:
        if isinstance(held.order, MarkRequests):
            return Marking(held.order, routed, fence=fence)
        label = revision_label(held.key.kind)
        if isinstance(held.order, ShiftTraffic):
            return Shift(held.order, routed, self._services, label=label, fence=fence, clock=self._clock)
        return Release(routed, self._services, label=label, fence=fence, clock=self._clock)


class _Loop:
    """One order until it ends."""

    def __init__(
        self,
        work: Work,
        reporter: Reporter,
        changed: asyncio.Event,
        *,
        fence: Fence,
        order: RouteOrder,
        clock: Clock,
    ) -> None:
        self._order = order
        self._work = work
        self._fence = fence
        self._reporter = reporter
        self._changed = changed
        self._clock = clock
        self._conflicts = 0
        self._unsettled_since_s: float | None = clock.monotonic_s()
        self._settled_at_s: float | None = None

    async def run(self) -> None:
        while True:
            self._changed.clear()
            outcomes = await self._look()
            if outcomes is None:
                continue
            for repair in repairs(outcomes):
                await self._reporter.repaired(repair)
            overall = worst(outcomes)
            again_s = await self._tell(overall)
            if isinstance(self._order, ReleaseTraffic) and isinstance(overall, Settled):
                return
            await self._wait(again_s)

    async def _look(self) -> list[Outcome] | None:
        """One pass; None where the world was not as it was seen, and has to be looked at again."""
        try:
            outcomes = await self._work.look()
        except Conflict as error:
            self._conflicts += 1
            if self._conflicts > CONFLICTS_MAX:
                raise
            _log.info("a route or Service changed meanwhile", reason=error.reason)
            return None
        except UnknownOutcome as error:
            _log.warning("a write's outcome is unknown, looking again", reason=error.reason)
            return None
        except Permanent as error:
            return [Refused(problems.refused_by_server(error))]
        self._conflicts = 0
        return outcomes

    async def _tell(self, overall: Outcome) -> float | None:
        """Report what came out; returns after how long to look again though nothing may change."""
        if isinstance(overall, Settled):
            return await self._settled()
        self._settled_at_s = None
        if isinstance(overall, Refused):
            await self._reporter.refused(overall.problem)
            return REFUSED_WAIT_S
        return await self._pending(overall)

    async def _settled(self) -> float | None:
        now_s = self._clock.monotonic_s()
        self._unsettled_since_s = None
        if isinstance(self._order, ReleaseTraffic):
            await self._reporter.released()
            return None
        if self._settled_at_s is None:
            self._settled_at_s = now_s
            self._reporter.accepted_at_s = self._clock.now_s()
        left_s = self._settled_at_s + self._grace_s(self._settled_at_s) - now_s
        if left_s > 0 and not self._reporter.told_shifted:
            await self._reporter.show("the grace period for proxies and connections", accepted=True)
            return left_s
        await self._reporter.shifted(self._order.weight_percent)
        return None

    def _grace_s(self, settled_at_s: float) -> float:
        """How long proxies and connections get before pods may go."""
        if not isinstance(self._order, ShiftTraffic) or not self._order.lowering:
            return 0.0
        least_s = max((each.grace_s for each in self._order.traffic), default=0.0)
        wrote_at_s = self._fence.wrote_at_s
        return patience_s(least_s, settled_at_s - wrote_at_s if wrote_at_s is not None else 0.0)

    async def _pending(self, outcome: Pending) -> float | None:
        now_s = self._clock.monotonic_s()
        if self._unsettled_since_s is None:
            self._unsettled_since_s = now_s
        left_s = self._unsettled_since_s + self._order.deadline_s - now_s
        await self._reporter.show(outcome.reason, accepted=False)
        if left_s <= 0:
            await self._reporter.refused(problems.late(outcome.reason, self._order.deadline_s))
            return outcome.again_s
        return left_s if outcome.again_s is None else min(left_s, outcome.again_s)

    async def _wait(self, again_s: float | None) -> None:
        """For a change, or for so long."""
        try:
            async with asyncio.timeout(again_s):
                await self._changed.wait()
        except TimeoutError:
            return

"""Takes everything of ours out of routes without losing a request: first no share, then a while, then no trace.

Used by `shift` when a rollout starts over a former one's remains, and by `release` at the end. A proxy learns of a
route and of the clusters behind it on separate ways: a canary that gets no request any more can go without a gap.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Pending, Settled
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.services import Services

QUIET_S: Final = 0.5
"""At least so long between the last request to a canary and its disappearance, for every proxy to have heard."""


class Clearing:
    """Args:
    places: Routes and their routers.
    services: The Services behind them.
    fence: Proof that the order is ours.
    clock: The time.
    """

    def __init__(self, places: Mapping[Place, Router], services: Services, fence: Fence, clock: Clock) -> None:
        self._places = places
        self._services = services
        self._fence = fence
        self._clock = clock
        self._emptied: set[Place] = set()
        self._quiet_at_s: dict[Place, float] = {}

    async def look(self, places: Sequence[Place]) -> list[Outcome]:
        """One pass over the given places, each going on by itself; what stands behind routes goes after all of them."""
        routes = [place for place in places if not self._places[place].abilities.declares]
        outcomes = [await self._clear(place, self._places[place]) for place in routes]
        found = zip(routes, outcomes, strict=True)
        waited_for = {place.canary_service for place, outcome in found if not isinstance(outcome, Settled)}
        gone = [place for place in places if place.canary_service not in waited_for]
        undeclared = [await self._undeclare(place) for place in gone if place not in routes]
        return [*outcomes, *undeclared, *[await self._services.delete_canary(place, self._fence) for place in gone]]

    async def empty(self, place: Place) -> Outcome:
        """No request to the new version by this route any more, and a while since the last one."""
        router = self._places[place]
        share = await router.share(place, self._fence)
        if share is None:
            return Settled()
        if not share.is_empty:
            self._emptied.add(place)
        if place not in self._emptied:
            return Settled()
        emptied = await router.shift(place, share.emptied(), self._fence)
        return self._quiet(place) if isinstance(emptied, Settled) else emptied

    async def _clear(self, place: Place, router: Router) -> Outcome:
        """At once where one Service has all pods: nobody has to stand behind it first, and its old ones may be gone."""
        emptied = Settled() if place.one_service and router.abilities.by_revision else await self.empty(place)
        return await router.restore(place, self._fence) if isinstance(emptied, Settled) else emptied

    async def _undeclare(self, place: Place) -> Outcome:
        """What routes named a moment ago stays for as long as a proxy may still think so."""
        router = self._places[place]
        held = await router.share(place, self._fence)
        quiet = self._quiet(place) if held is not None else Settled()
        return await router.restore(place, self._fence) if isinstance(quiet, Settled) else quiet

    def _quiet(self, place: Place) -> Outcome:
        now_s = self._clock.monotonic_s()
        left_s = self._quiet_at_s.setdefault(place, now_s + max(place.grace_s, QUIET_S)) - now_s
        if left_s <= 0:
            return Settled()
        return Pending(f"proxies let go of Service {place.canary_service}", again_s=left_s)

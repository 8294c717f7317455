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
        """One pass over the given places, each going on by itself; a canary Service goes after all of its routes."""
        outcomes = [await self._clear(place, self._places[place]) for place in places]
        found = zip(places, outcomes, strict=True)
        waited_for = {place.canary_service for place, outcome in found if not isinstance(outcome, Settled)}
        gone = [place for place in places if place.canary_service not in waited_for]
        return [*outcomes, *[await self._services.delete_canary(place, self._fence) for place in gone]]

    async def _clear(self, place: Place, router: Router) -> Outcome:
        share = await router.share(place, self._fence)
        if share is not None:
            if not share.is_empty:
                self._emptied.add(place)
            if place in self._emptied:
                emptied = await router.shift(place, share.emptied(), self._fence)
                if not isinstance(emptied, Settled):
                    return emptied
                now_s = self._clock.monotonic_s()
                quiet_s = max(place.grace_s, QUIET_S)
                left_s = self._quiet_at_s.setdefault(place, now_s + quiet_s) - now_s
                if left_s > 0:
                    return Pending(f"proxies let go of Service {place.canary_service}", again_s=left_s)
        return await router.restore(place, self._fence)

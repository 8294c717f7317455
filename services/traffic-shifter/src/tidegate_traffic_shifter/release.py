"""One pass towards the user's own routes and Services, with nothing of ours left; from every half-way point.

Called by `holder` again and again, after every change. The stable Service gets all pods first; only when everyone who
answers for the new version stands behind it, too, do the routes go back to it; the canary Service goes last.
"""

from collections.abc import Mapping

from tidegate_chassis.clock import Clock
from tidegate_traffic_shifter.clearing import Clearing
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Pending, Settled, worst
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.seen import Service
from tidegate_traffic_shifter.services import Services


class Release:
    """Args:
    places: The order's routes, with their routers.
    services: The Services behind them.
    label: By which the workload's pods tell their revision.
    fence: Proof that the order is ours.
    clock: The time.
    """

    def __init__(
        self, places: Mapping[Place, Router], services: Services, *, label: str, fence: Fence, clock: Clock
    ) -> None:
        self._places = places
        self._services = services
        self._label = label
        self._fence = fence
        self._clearing = Clearing(places, services, fence, clock)

    async def look(self) -> list[Outcome]:
        """One pass; all settled means that it is done."""
        opened: list[Outcome] = []
        for place in self._places:
            opened.append(await self._services.unpin(place, self._label, self._fence))
            opened.append(await self._covers(place))
        if not isinstance(worst(opened), Settled):
            return opened
        return await self._clearing.look(list(self._places))

    async def _covers(self, place: Place) -> Outcome:
        """Whether all who answer for the new version stand behind the stable Service, too."""
        stable = await self._services.find(place, place.service, self._fence)
        canary = await self._services.find(place, place.canary_service, self._fence)
        if not isinstance(stable, Service) or not isinstance(canary, Service):
            return Settled()
        if self._services.endpoints(canary).ready <= self._services.endpoints(stable).ready:
            return Settled()
        return Pending(f"Service {place.service} does not send to all ready pods yet")

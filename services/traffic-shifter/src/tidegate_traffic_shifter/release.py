"""One pass towards the user's own routes and Services, with nothing of ours left; from every half-way point.

Called by `holder` again and again, after every change. The stable Service gets all pods first; only when everyone who
answers for the new version stands behind it, too, and proxies had time to hear of that, do the routes go back to it;
the canary Service goes last. Until then nobody may have stood behind the stable Service: at a share of 100 % its pods
go, and a route that is back before its endpoints are loses every request.
"""

from collections.abc import Mapping

from tidegate_chassis.clock import Clock
from tidegate_traffic_shifter.clearing import Clearing
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Pending, Settled, worst
from tidegate_traffic_shifter.patience import WARM_UP_S, patience_s
from tidegate_traffic_shifter.router import Place, Router
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
        self._clock = clock
        self._clearing = Clearing(places, services, fence, clock)
        self._unpinned_at_s: float | None = None
        self._known_at_s: float | None = None

    async def look(self) -> list[Outcome]:
        """One pass; all settled means that it is done."""
        opened: list[Outcome] = []
        for place in self._places:
            opened.append(await self._services.unpin(place, self._label, self._fence))
            opened.append(await self._services.covers(place, self._fence))
        opened.append(await self._known(covered=isinstance(worst(opened), Settled)))
        if not isinstance(worst(opened), Settled):
            return opened
        return await self._clearing.look(list(self._places))

    async def _known(self, *, covered: bool) -> Outcome:
        """Whether every proxy knows who stands behind the stable Services by now, if that matters to any request."""
        now_s = self._clock.monotonic_s()
        if self._unpinned_at_s is None:
            self._unpinned_at_s = now_s
        if not covered:
            self._known_at_s = None
            return Settled()
        if self._known_at_s is None:
            self._known_at_s = now_s + patience_s(WARM_UP_S, now_s - self._unpinned_at_s)
        left_s = max(self._known_at_s, self._services.others_know_at_s(now_s)) - now_s
        if left_s <= 0 or not await self._shared():
            return Settled()
        return Pending("proxies learn who stands behind the stable Service", again_s=left_s)

    async def _shared(self) -> bool:
        """Whether a request still reaches a canary Service, which the stable one will get."""
        shares = [await router.share(place, self._fence) for place, router in self._places.items()]
        return any(share is not None and not share.is_empty for share in shares)

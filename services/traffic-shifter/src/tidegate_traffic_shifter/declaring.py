"""Both versions of one Service told apart before any route names them: a pass over the objects that only declare.

Used by `shift`, where routes tell the versions of one Service apart by their pods' revisions. What is declared must be
known to every proxy before a route names it; what a route sends requests to is not declared otherwise meanwhile.
"""

from collections.abc import Callable, Mapping

from tidegate_chassis.clock import Clock
from tidegate_traffic_shifter.clearing import Clearing
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Pending, Settled, worst
from tidegate_traffic_shifter.patience import WARM_UP_S
from tidegate_traffic_shifter.refusing import outcome_of
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.services import Services
from tidegate_traffic_shifter.share import Share


class Declaring:
    """Args:
    places: The order's routes, with their routers.
    share_of: What a route shall have.
    clearing: Takes requests away from a version.
    services: Who knows when others know.
    fence: Proof that the order is ours.
    clock: The time.
    """

    def __init__(
        self,
        places: Mapping[Place, Router],
        share_of: Callable[[Place], Share],
        clearing: Clearing,
        services: Services,
        *,
        fence: Fence,
        clock: Clock,
    ) -> None:
        self._declared = {place: router for place, router in places.items() if router.abilities.declares}
        names = {place: router for place, router in places.items() if tells_apart(place, router)}
        self._naming = {place: router for place, router in names.items() if place not in self._declared}
        self._share_of = share_of
        self._clearing = clearing
        self._services = services
        self._fence = fence
        self._clock = clock
        self._declared_at_s: float | None = None

    async def look(self) -> list[Outcome]:
        """One pass; all settled means that routes may name what is declared."""
        if not self._declared:
            return []
        changing = [place for place in self._naming if await self._is_otherwise(place)]
        freed = [await self._clearing.empty(place) for place in changing]
        if not isinstance(worst(freed), Settled):
            return freed
        # Who refuses it holds up only what would name it.
        made = [
            await outcome_of(router.shift(place, self._share_of(place), self._fence))
            for place, router in self._declared.items()
        ]
        if not isinstance(worst(made), Settled):
            return made
        return [*made, await self._known()]

    async def _is_otherwise(self, place: Place) -> bool:
        """Whether the route was given its share when other revisions were declared."""
        held = await self._naming[place].share(place, self._fence)
        return held is not None and held.revisions != self._share_of(place).revisions

    async def _known(self) -> Outcome:
        """Whether proxies had the time to learn of it; a route that names it already has waited for that."""
        named = [await router.share(place, self._fence) for place, router in self._naming.items()]
        wanted = [self._share_of(place).revisions for place in self._naming]
        if [held and held.revisions for held in named] == wanted:
            return Settled()
        now_s = self._clock.monotonic_s()
        if self._declared_at_s is None:
            self._declared_at_s = now_s
        left_s = max(self._declared_at_s + WARM_UP_S, self._services.others_know_at_s(now_s)) - now_s
        return Pending("proxies learn of both versions", again_s=left_s) if left_s > 0 else Settled()


def tells_apart(place: Place, router: Router) -> bool:
    """Whether the route tells versions behind one Service apart by the label of their pods' revision."""
    return place.one_service and router.abilities.by_revision

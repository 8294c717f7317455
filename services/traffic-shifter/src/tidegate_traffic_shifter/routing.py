"""Puts an order's share into its routes: named first, then given, and all of them or none.

Used by `shift`, which has made what stands behind them. A proxy learns of a route and of the endpoints behind it on
separate ways, so that a new version is named without a share for a while. Where one route refuses what the others have
taken, these get back what they had, and it is asked first from then on.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, Transient, UnknownOutcome
from tidegate_traffic_shifter.declaring import Declaring, tells_apart
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Settled, worst
from tidegate_traffic_shifter.patience import WARM_UP_S, patience_s
from tidegate_traffic_shifter.refusing import outcome_of
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.services import Services
from tidegate_traffic_shifter.share import Share

UNDO_AGAIN_S: Final = 1.0
"""How long a route that could not be given back waits for the next try."""


class Routing:
    """Args:
    places: The order's routes, with their routers.
    share_of: What a route shall have.
    declaring: Who declares what routes name.
    services: Who knows when others know.
    fence: Proof that the order is ours.
    clock: The time.
    raises: Whether requests come to the new version: what one route refuses, the others give back. Where requests
        leave it, each route goes on by itself.
    """

    def __init__(
        self,
        places: Mapping[Place, Router],
        share_of: Callable[[Place], Share],
        declaring: Declaring,
        services: Services,
        *,
        fence: Fence,
        clock: Clock,
        raises: bool,
    ) -> None:
        self._places = places
        self._share_of = share_of
        self._declaring = declaring
        self._services = services
        self._fence = fence
        self._clock = clock
        self._raises = raises
        self._refuser: Place | None = None
        self._before: dict[Place, Share] = {}
        self._cold: set[Place] = set()
        self._named_at_s: dict[Place, float] = {}
        self._warm_at_s: dict[Place, float] = {}

    async def look(self, places: Iterable[Place], *, only_held: bool = False) -> list[Outcome]:
        """One pass over these routes; `only_held`: one that never had a share needs none of nothing."""
        outcomes = await self._declaring.look()
        declared = isinstance(worst(outcomes), Settled)
        if not declared and not only_held:
            return outcomes
        routes = [place for place in places if not self._places[place].abilities.declares]
        for place in sorted(routes, key=lambda each: each != self._refuser):
            known = declared and tells_apart(place, self._places[place])
            outcomes.append(await outcome_of(self._put(place, only_held=only_held and not known)))
            if isinstance(outcomes[-1], Refused) and self._raises:
                return [*outcomes, *await self._undo(place)]
        if isinstance(worst(outcomes), Settled):
            self._before.clear()
        return outcomes

    def forget(self, place: Place) -> None:
        """The new version's endpoints are others than a proxy may have learned of."""
        self._named_at_s.pop(place, None)
        self._warm_at_s.pop(place, None)
        self._before.pop(place, None)

    async def _put(self, place: Place, *, only_held: bool) -> Outcome:
        router, wanted = self._places[place], self._share_of(place)
        held = await router.share(place, self._fence)
        if only_held and held is None:
            return await router.restore(place, self._fence)
        if only_held and held is not None and tells_apart(place, router):
            wanted = held.emptied()  # others than it names already are not declared yet
        if held is None or (held.is_empty and not wanted.is_empty):
            # Whoever named the new version may have died before its time was over.
            self._cold.add(place)
        warmed = await self._warm(place, router, wanted) if place in self._cold else Settled()
        if not isinstance(warmed, Settled):
            return warmed
        if held is not None and held != wanted:
            self._before.setdefault(place, held)  # as it was before the first pass that changed it
        return await router.shift(place, wanted, self._fence)

    async def _undo(self, refuser: Place) -> list[Outcome]:
        """What each of the others had; one that can't be given back now is tried again with the next pass."""
        self._refuser = refuser
        self._before.pop(refuser, None)
        outcomes: list[Outcome] = []
        for place, share in list(self._before.items()):
            outcomes.append(await self._give_back(place, share))
            if isinstance(outcomes[-1], Settled):
                del self._before[place]
        return outcomes

    async def _give_back(self, place: Place, share: Share) -> Outcome:
        try:
            return await outcome_of(self._places[place].shift(place, share, self._fence))
        except (Transient, Conflict, UnknownOutcome) as error:
            return Pending(f"{place.route} has to get back what it had: {error.reason}", again_s=UNDO_AGAIN_S)

    async def _warm(self, place: Place, router: Router, wanted: Share) -> Outcome:
        """Name the new version in the route, without a share, until the proxy knows who is behind it."""
        since_s = self._named_at_s.setdefault(place, self._clock.monotonic_s())
        named = await router.shift(place, wanted.emptied(), self._fence)
        if not isinstance(named, Settled):
            return named
        now_s = self._clock.monotonic_s()
        warm_at_s = self._warm_at_s.setdefault(place, now_s + patience_s(WARM_UP_S, now_s - since_s))
        left_s = max(warm_at_s, self._services.others_know_at_s(now_s)) - now_s
        if left_s > 0:
            return Pending(f"proxies learn of Service {place.canary_service}", again_s=left_s)
        self._cold.discard(place)
        return named

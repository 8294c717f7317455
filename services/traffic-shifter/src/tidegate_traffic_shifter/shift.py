"""One pass towards an order's share: first look whether it can be, then write what is missing, in the safe order.

Called by `holder` again and again, after every change. Lowering to nothing writes the routes first, since nothing is
more urgent; raising pins the stable Service first, then makes the canary Service, then waits for its endpoints, and
only then touches a route (`routing`); where these vanish, the share is taken back until they are there again. None is
written before all have been checked. With all requests at the new version the stable Service gets all pods again,
before the stable ones may go.
"""

from collections.abc import Mapping
from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_contracts.orders import ShiftTraffic
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_traffic_shifter.asking import Asking
from tidegate_traffic_shifter.clearing import Clearing
from tidegate_traffic_shifter.contest import brings_requests
from tidegate_traffic_shifter.declaring import Declaring, tells_apart
from tidegate_traffic_shifter.endpoints import needed
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Settled, worst
from tidegate_traffic_shifter.refusing import outcome_of
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.routing import Routing
from tidegate_traffic_shifter.seen import Service
from tidegate_traffic_shifter.services import Services

ALL_READY_WAIT_S: Final = 2.0
"""How long a share waits for the last unready endpoints; as many ready ones as it needs are enough after that."""

ALL_THERE_WAIT_S: Final = 10.0
"""How long a share waits for as many endpoints as there are ready pods: whoever lists them may be slower than the pods,
and some may be gone again by now. After that it waits for as many as it needs, until the order's deadline."""


class Shift:
    """Args:
    order: What should be true.
    places: The order's routes, with their routers.
    services: The Services behind them.
    label: By which the workload's pods tell their revision.
    fence: Proof that the order is ours.
    clock: The time.
    """

    def __init__(
        self,
        order: ShiftTraffic,
        places: Mapping[Place, Router],
        services: Services,
        *,
        label: str,
        fence: Fence,
        clock: Clock,
    ) -> None:
        self._order = order
        self._places = places
        self._services = services
        self._label = label
        self._fence = fence
        self._clock = clock
        self._clearing = Clearing(places, services, fence, clock)
        self._apart = [place for place, router in places.items() if tells_apart(place, router)]
        self._asking = Asking(order, places, services, label=label, fence=fence)
        declaring = Declaring(places, self._asking.share, self._clearing, services, fence=fence, clock=clock)
        self._routing = Routing(
            places,
            self._asking.share,
            declaring,
            services,
            fence=fence,
            clock=clock,
            raises=not self._is_empty and (not order.lowering or order.weight_percent == WHOLE_PERCENT),
        )
        self._endpoints_since_s: dict[Place, float] = {}

    async def look(self) -> list[Outcome]:
        """One pass; as many outcomes as there were things to look at."""
        if self._is_empty and self._order.canary_revision is not None:
            # Whatever else may be wrong, the requests leave first.
            return [
                *await self._routing.look(self._places, only_held=True),
                *(await self._asking.refused() or await self._pin()),
            ]
        refused = await self._asking.refused()
        if refused:
            return [*refused, *await self._withhold()]
        if self._order.canary_revision is None:
            # Nothing of ours stays in the routes without a new revision, but what stands for a pinned Service.
            others = [place for place in self._places if place not in self._apart]
            return [*await self._clearing.look(others), *await self._pin(), *await self._routing.look(self._apart)]
        return await self._raise(self._order.canary_revision)

    @property
    def _is_empty(self) -> bool:
        """Whether no request, and no copy of one, shall reach the new version."""
        return not brings_requests(self._order)

    async def _raise(self, revision: str) -> list[Outcome]:
        stale = [place for place in self._places if await self._is_of_another_revision(place, revision)]
        if stale:
            cleared = await self._clearing.look(stale)
            return [*cleared, Pending("the canary Service is made anew for another revision", again_s=0.0)]
        made = await self._pin()
        for place in self._places:
            making = self._services.make_canary(place, self._label, revision, self._fence)
            made.append(await outcome_of(making))
        if isinstance(worst(made), Settled):
            made += [await self._endpoints(place) for place in self._places]
        if not isinstance(worst(made), Settled):
            return [*made, *await self._withhold()]
        routed = await self._routing.look(self._places)
        whole = self._order.weight_percent == WHOLE_PERCENT and isinstance(worst(routed), Settled)
        return [*made, *routed, *(await self._open() if whole else [])]

    async def _withhold(self) -> list[Outcome]:
        """Requests that only the stable version can answer go to it, whatever the step and somebody else say."""
        with self._fence.contest.insisting():
            return [await outcome_of(self._withheld(place, router)) for place, router in self._places.items()]

    async def _withheld(self, place: Place, router: Router) -> Outcome:
        held = await router.share(place, self._fence)
        if held is None or not await self._only_stable_answers(place):
            return Settled()
        self._endpoints_since_s.pop(place, None)  # whoever comes back is waited for as before
        self._routing.forget(place)
        return await router.shift(place, held.emptied(), self._fence)

    async def _only_stable_answers(self, place: Place) -> bool:
        """Where one Service has the pods of both it can't be told."""
        stable, canary = [
            await self._services.find(place, name, self._fence) for name in (place.service, place.canary_service)
        ]
        if place.one_service or not isinstance(stable, Service) or not isinstance(canary, Service):
            return False
        return bool(self._services.endpoints(stable).ready) and not self._services.endpoints(canary).ready

    async def _open(self) -> list[Outcome]:
        """No Service is left without pods: whoever asks the stable one without a route gets the new version then."""
        outcomes: list[Outcome] = []
        for place in self._places:
            outcomes.append(await self._services.open(place, self._label, self._fence))
            outcomes.append(await self._services.covers(place, self._fence))
        return outcomes

    async def _pin(self) -> list[Outcome]:
        """Every stable Service; one that was opened for a whole share stays so for another: its pods may be gone."""
        revision, whole = self._order.stable_revision, self._order.weight_percent == WHOLE_PERCENT
        return [
            await outcome_of(self._services.pin(place, self._label, revision, self._fence))
            for place in self._places
            if not (whole and await self._services.is_open(place, self._label, self._fence))
        ]

    async def _is_of_another_revision(self, place: Place, revision: str) -> bool:
        """Its endpoints would be the old ones for a while, and nothing would tell: it has to be a new Service."""
        canary = await self._services.find(place, place.canary_service, self._fence)
        if not isinstance(canary, Service) or place.one_service:
            return False
        another = (canary.spec.selector or {}).get(self._label, revision) != revision
        return another and not self._services.is_edited(place, self._fence)

    async def _endpoints(self, place: Place) -> Outcome:
        if place.one_service:
            return Settled()  # whose endpoints are new can't be seen by it: the order came when they were ready
        canary = await self._services.find(place, place.canary_service, self._fence)
        if not isinstance(canary, Service):
            return canary if isinstance(canary, Refused) else Pending("the canary Service is being made", again_s=0.0)
        found = self._services.endpoints(canary)
        if not found.ready:
            return Pending(f"Service {place.canary_service} has no ready endpoint yet")
        now_s = self._clock.monotonic_s()
        since_s = self._endpoints_since_s.setdefault(place, now_s)
        missing = self._order.canary_pods - len(found.ready) - len(found.unready)
        for wanting, wait_s, reason in (
            (missing > 0, ALL_THERE_WAIT_S, f"has no endpoints yet for {missing} of the ready pods"),
            (bool(found.unready), ALL_READY_WAIT_S, "has endpoints that are not ready yet"),
        ):
            if wanting and now_s < since_s + wait_s:
                return Pending(f"Service {place.canary_service} {reason}", again_s=since_s + wait_s - now_s)
        return await self._carried(place, len(found.ready))

    async def _carried(self, place: Place, ready: int) -> Outcome:
        """Whether so many can carry what they don't get yet."""
        if ready >= self._order.canary_pods:
            return Settled()
        held = await self._places[place].share(place, self._fence)
        stable = await self._services.find(place, place.service, self._fence)
        enough = needed(
            self._order.weight_percent,
            before_percent=held.weight_percent if held is not None else 0,
            stable=len(self._services.endpoints(stable).ready) if isinstance(stable, Service) else 0,
            reported=self._order.canary_pods,
        )
        if ready >= enough:
            return Settled()
        share = f"{self._order.weight_percent} % of the requests"
        return Pending(f"Service {place.canary_service} has {ready} ready endpoints, and {share} need {enough}")

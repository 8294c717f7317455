"""One pass towards marked requests: each route of the order with the change of headers, and no Service looked at.

Called by `holder`, as `shift` is. Both versions stand behind the Service that the route names anyway, so that there is
nothing to pin, to make or to wait for.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from tidegate_contracts.orders import MarkRequests
from tidegate_contracts.problem import Problem
from tidegate_contracts.routers import beyond
from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Refused
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.share import Share


class Marking:
    """Args:
    order: What should be true.
    places: The order's routes, with their routers.
    fence: Proof that the order is ours.
    """

    def __init__(self, order: MarkRequests, places: Mapping[Place, Router], *, fence: Fence) -> None:
        self._order = order
        self._places = {one_service(place): router for place, router in places.items()}
        self._fence = fence

    async def look(self) -> list[Outcome]:
        """One pass; none of the routes is written before all have been checked."""
        checked = [await router.check(place, self._share(place), self._fence) for place, router in self._places.items()]
        refused: list[Outcome] = [each for each in checked if each is not None]
        refused += [Refused(each) for place, router in self._places.items() for each in self._beyond(place, router)]
        if refused:
            return refused
        return [await router.shift(place, self._share(place), self._fence) for place, router in self._places.items()]

    def _beyond(self, place: Place, router: Router) -> Iterator[Problem]:
        """What the router has no words for."""
        if not router.abilities.marks:
            yield problems.cannot_mark(place)
        yield from beyond(
            place.router,
            router.abilities,
            weight_percent=self._order.weight_percent,
            matches=self._order.matches,
            request_headers=self._order.headers,
            field="traffic",
        )

    def _share(self, place: Place) -> Share:
        order = self._order
        return Share(
            service=place.service,
            canary_service=place.canary_service,
            weight_percent=0 if order.matches else order.weight_percent,
            matches=order.matches,
            headers=order.headers,
        )


def one_service(place: Place) -> Place:
    """The new version is behind the same Service, whatever the reference leaves out."""
    return replace(place, canary_service=place.service)

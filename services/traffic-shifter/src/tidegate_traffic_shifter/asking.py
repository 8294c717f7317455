"""What an order asks of its routes, now and in the steps to come, and whether they have words for it.

Used by `shift`, which writes nothing before all of it was looked at. Later steps come with the order before the first
new pod, and are looked at until nothing stands against them once: each will have an order of its own.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from tidegate_contracts.orders import PlannedShare, ShiftTraffic
from tidegate_contracts.problem import Problem
from tidegate_contracts.routers import beyond
from tidegate_traffic_shifter.affinity import kept
from tidegate_traffic_shifter.declaring import tells_apart
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Refused
from tidegate_traffic_shifter.problems import cannot_keep
from tidegate_traffic_shifter.router import Place, Router
from tidegate_traffic_shifter.services import Services
from tidegate_traffic_shifter.share import Revisions, Share


class Asking:
    """Args:
    order: What should be true.
    places: The order's routes, with their routers.
    services: The Services behind them.
    label: By which the workload's pods tell their revision.
    fence: Proof that the order is ours.
    """

    def __init__(
        self, order: ShiftTraffic, places: Mapping[Place, Router], services: Services, *, label: str, fence: Fence
    ) -> None:
        self._order = order
        self._places = places
        self._services = services
        self._label = label
        self._fence = fence
        self._now = PlannedShare(
            step=order.step,
            weight_percent=order.weight_percent,
            matches=order.matches,
            request_headers=order.request_headers,
            mirror_percent=order.mirror_percent,
        )
        self._later = order.planned

    def share(self, place: Place) -> Share:
        """What the route shall have now."""
        return self._share(place, self._now, self._order.canary_revision)

    async def refused(self) -> list[Outcome]:
        """Why it can't be; of later steps only where nothing stands against this one."""
        found = [each for place in self._places for each in await self._refused_now(place)]
        if found:
            return found
        found = [each for asked in self._later for place in self._places for each in await self._refused(place, asked)]
        if not found:
            self._later = ()
        return found

    async def _refused_now(self, place: Place) -> list[Outcome]:
        router = self._places[place]
        checks = (
            await self._services.check(place, self._label, self._fence),
            await router.check(place, self.share(place), self._fence),
        )
        found: list[Outcome] = [refused for refused in checks if refused is not None]
        found += [Refused(problem) for problem in _beyond(place, router, self._now, "traffic")]
        if place.affinity and not router.abilities.session_affinity:
            found.append(Refused(cannot_keep(place)))
        return found

    async def _refused(self, place: Place, asked: PlannedShare) -> list[Outcome]:
        """A later step's: any new revision is said alike."""
        router, step = self._places[place], f"steps[{asked.step - 1}]"
        said = self._share(place, asked, self._order.canary_revision or self._order.stable_revision)
        found: list[Outcome] = [Refused(problem) for problem in _beyond(place, router, asked, f"{step}.traffic")]
        refused = await router.check(place, said, self._fence)
        if refused is not None:
            found.append(Refused(replace(refused.problem, field=f"{step}.{refused.problem.field}")))
        return found

    def _share(self, place: Place, asked: PlannedShare, canary: str | None) -> Share:
        router = self._places[place]
        revisions = Revisions(label=self._label, stable=self._order.stable_revision, canary=canary)
        share = Share(
            service=place.service,
            canary_service=place.canary_service,
            weight_percent=asked.weight_percent,
            matches=asked.matches,
            request_headers=asked.request_headers,
            mirror_percent=asked.mirror_percent,
            revisions=revisions if tells_apart(place, router) else None,
        )
        if router.abilities.declares:
            return share.emptied()
        return kept(share, place.affinity, canary) if place.affinity and canary else share


def _beyond(place: Place, router: Router, asked: PlannedShare, field: str) -> Iterator[Problem]:
    """What the router has no words for: a request for a plugin's router could not be asked before."""
    return beyond(
        place.router,
        router.abilities,
        weight_percent=asked.weight_percent,
        matches=asked.matches,
        request_headers=asked.request_headers,
        mirror_percent=asked.mirror_percent,
        field=field,
    )

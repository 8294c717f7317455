"""Gateway API HTTPRoutes: the share as weights of backend references, matches as a rule in front.

The user's own rules are kept in an annotation, byte for byte, and always rendered anew from there. `shift` and
`clearing` call it; what the rules should be is in `shares`, whether the gateway took them in `acceptance`.
"""

from typing import Any

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import HTTP_ROUTES
from tidegate_traffic_shifter import marks, problems
from tidegate_traffic_shifter.acceptance import objection
from tidegate_traffic_shifter.cluster import WakeKey, WakingCluster
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Repair, Settled
from tidegate_traffic_shifter.rendering import recover, render
from tidegate_traffic_shifter.router import Marked, Place
from tidegate_traffic_shifter.seen import Managed, Route, Rule
from tidegate_traffic_shifter.shares import Share, holds


class GatewayHttpRoute:
    """Args:
    cluster: Where routes are read and written.
    """

    def __init__(self, cluster: WakingCluster) -> None:
        self._client = cluster.client
        self._routes = cluster.wake_by(HTTP_ROUTES, Route)

    def wake_keys(self, place: Place) -> list[WakeKey]:
        return [(HTTP_ROUTES.plural, place.namespace, place.route)]

    async def check(self, place: Place, fence: Fence) -> Refused | None:
        found = await self._look(place, fence)
        if isinstance(found, Refused):
            return found
        if isinstance(found, NotFound):
            return Refused(problems.missing_route(place))
        if not holds(_own_rules(found, place.namespace), place.namespace, place.service):
            return Refused(problems.not_routed(place))
        return None

    async def share(self, place: Place, fence: Fence) -> Share | None:
        found = await self._look(place, fence)
        if not isinstance(found, Route) or not fence.holds(found.metadata):
            return None
        return _saved_share(found) if holds(found.rules, place.namespace, place.canary_service) else None

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        cached = self._cached(place, fence)
        if cached is not None and fence.holds(cached.metadata) and _stands(cached, place.namespace, share):
            return _accepted(cached)
        answer = await self._client.get(HTTP_ROUTES, place.namespace, place.route)
        if isinstance(answer, NotFound):
            return Refused(problems.missing_route(place))
        route = decode(answer, Route)
        objected = fence.look(_called(place), route.metadata)
        if objected is not None:
            return objected
        if _stands(route, place.namespace, share):
            return _accepted(route)
        rules = _own_rules(route, place.namespace)
        wanted = render(rules, place.namespace, share)
        if share.matches and len(wanted) == len(rules):
            return Refused(problems.no_match(place))
        annotations = fence.ours.annotations(**{"original-rules": rules, "share": share})
        written = await self._write(place, route, wanted, annotations, fence)
        return written if isinstance(written, Refused) else _repaired(written, _repair(place, route, wanted, answer))

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        cached = self._cached(place, fence)
        if cached is not None and marks.read(cached.metadata.annotations) is None:
            return _accepted(cached)
        route = await self._client.read(HTTP_ROUTES, place.namespace, place.route, Route)
        if isinstance(route, NotFound):
            return Settled()
        if marks.read(route.metadata.annotations) is None:
            return _accepted(route)
        objected = fence.look(_called(place), route.metadata)
        if objected is not None:
            return Settled() if isinstance(objected, Refused) else objected
        return await self._write(place, route, _own_rules(route, place.namespace), marks.removal(), fence)

    async def marked(self) -> list[Marked]:
        if isinstance(await self._client.discover(HTTP_ROUTES.api_version, HTTP_ROUTES.kind), NotFound):
            return []
        page = await self._client.list_all(HTTP_ROUTES)
        found = []
        for route in (decode(raw, Route) for raw in page.items):
            held, share = marks.read(route.metadata.annotations), _saved_share(route)
            if held is not None and share is not None:
                place = (route.metadata.namespace, route.metadata.name, share.service, share.canary_service)
                found.append(Marked(*place, held))
        return found

    async def _write(
        self, place: Place, route: Route, rules: list[Rule], annotations: dict[str, Any], fence: Fence
    ) -> Outcome:
        metadata = {"resourceVersion": route.metadata.resource_version, "annotations": annotations}
        body = {"metadata": metadata, "spec": {"rules": rules}}
        fence.ensure()
        answer = await self._client.patch(HTTP_ROUTES, place.namespace, place.route, body, style=PatchStyle.MERGE)
        if isinstance(answer, NotFound):
            return Pending("the route was deleted meanwhile", again_s=0.0)
        written = decode(answer, Route)
        fence.wrote(_called(place), written.metadata)
        return _accepted(written)

    async def _look(self, place: Place, fence: Fence) -> Route | NotFound | Refused:
        """From the cache when it can be trusted, else live, and through the fence."""
        cached = self._cached(place, fence)
        if cached is not None:
            return cached
        route = await self._client.read(HTTP_ROUTES, place.namespace, place.route, Route)
        if isinstance(route, NotFound):
            fence.missing(_called(place))
            return route
        objected = fence.look(_called(place), route.metadata)
        return objected if isinstance(objected, Refused) else route

    def _cached(self, place: Place, fence: Fence) -> Route | None:
        found = self._routes.store.get(place.namespace, place.route)
        return found if found is not None and fence.trusts(_called(place), found.metadata) else None


def _called(place: Place) -> str:
    return f"HTTPRoute {place.route}"


def _accepted(route: Route) -> Outcome:
    reason = objection(route)
    return Settled() if reason is None else Pending(reason)


def _repaired(outcome: Settled | Pending, repair: Repair | None) -> Outcome:
    if isinstance(outcome, Pending):
        return Pending(outcome.reason, outcome.again_s, repair)
    return Settled(repair)


def _saved_share(route: Route) -> Share | None:
    text = route.metadata.annotations.get(marks.SHARE)
    return decode(text.encode(), Share) if text is not None else None


def _saved_rules(route: Route) -> list[Rule] | None:
    text = route.metadata.annotations.get(marks.ORIGINAL_RULES)
    return decode(text.encode(), list[Rule]) if text is not None else None


def _own_rules(route: Route, namespace: str) -> list[Rule]:
    """The user's own rules: as saved, or as they were edited to be since."""
    saved, share = _saved_rules(route), _saved_share(route)
    if saved is None or share is None:
        return route.rules
    if route.rules == render(saved, namespace, share):
        return saved
    return recover(route.rules, saved, namespace, share)


def _stands(route: Route, namespace: str, share: Share) -> bool:
    """Whether the route carries exactly this share, and nobody has edited it since."""
    saved = _saved_rules(route)
    return saved is not None and _saved_share(route) == share and route.rules == render(saved, namespace, share)


def _repair(place: Place, route: Route, wanted: list[Rule], answer: bytes) -> Repair | None:
    """Who edited our part since it was written; None when nobody did, or only beside it."""
    saved, share = _saved_rules(route), _saved_share(route)
    if saved is None or share is None or route.rules in (wanted, render(saved, place.namespace, share)):
        return None
    by = decode(answer, Managed).last_writer(other_than=marks.FIELD_MANAGER)
    return Repair(f"the rules of {_called(place)}", by)

"""Writes a share into the user's own route, and gives the route back: the edge of every `Rewritten` format.

The user's own part is kept in an annotation, byte for byte, and always rendered anew from there. `shift` and
`clearing` call it; what the part should be is the format's to say.
"""

from typing import Any

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_traffic_shifter import marks, problems
from tidegate_traffic_shifter.cluster import WakeKey, WakingCluster
from tidegate_traffic_shifter.disowning import disown
from tidegate_traffic_shifter.editors import editor
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.formats import Body, Part, Rewritten
from tidegate_traffic_shifter.merge_patch import is_counted, replacing
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Repair, Settled, repaired, worst
from tidegate_traffic_shifter.room import lacking
from tidegate_traffic_shifter.router import Marked, Place
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.served import unserved
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.three_way import merge_patch


class Rewriting:
    """Args:
    cluster: Where routes are read and written.
    form: What is written.
    router: The plugin's name: several write into objects of one kind, each gives back its own.
    """

    def __init__(self, cluster: WakingCluster, form: Rewritten, router: str) -> None:
        self.abilities = form.abilities
        self.resource = form.resource
        self._cluster = cluster
        self._client = cluster.client
        self._format = form
        self._router = router

    async def unserved(self, place: Place) -> Refused | None:
        return await unserved(self._client, place, self.resource.api_version, self.resource.kind)

    def wake_keys(self, place: Place) -> list[WakeKey]:
        self._cluster.wake_by(self.resource, Route)
        return [(self.resource.plural, place.namespace, place.route)]

    async def check(self, place: Place, share: Share, fence: Fence) -> Refused | None:
        found = await self._look(place, fence)
        if isinstance(found, Refused):
            return found
        if isinstance(found, NotFound):
            return Refused(problems.missing_route(place, self.resource.kind))
        own = self._own(found, place.namespace)
        if not self._format.holds(own, place.namespace, place.service):
            named = problems.not_declared if self.abilities.declares else problems.not_routed
            return Refused(named(place, self.resource.kind))
        theirs = not place.one_service and marks.read(found.metadata.annotations) is None
        if theirs and self._format.holds(own, place.namespace, place.canary_service):
            return Refused(problems.routed_already(place, self.resource.kind))
        return await self._unsaid(place, found, own, share)

    async def share(self, place: Place, fence: Fence) -> Share | None:
        found = await self._look(place, fence)
        if not isinstance(found, Route) or not fence.holds(found.metadata):
            return None
        saved = marks.saved_share(found.metadata.annotations)
        if saved is None or saved.is_empty:
            return saved  # which need not be named
        return saved if self._format.holds(self._format.part(found), place.namespace, place.canary_service) else None

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        cached = self._cached(place, fence)
        if cached is not None and fence.holds(cached.metadata) and self._stands(cached, place.namespace, share):
            return self._accepted(cached)
        answer = await self._client.get(self.resource, place.namespace, place.route)
        if isinstance(answer, NotFound):
            return Refused(problems.missing_route(place, self.resource.kind))
        route = decode(answer, Route)
        objected = fence.look(self._called(place), route.metadata)
        if objected is not None:
            return objected
        if self._stands(route, place.namespace, share):
            return self._accepted(route)
        own = self._own(route, place.namespace)
        wanted = self._format.render(own, place.namespace, share)
        repair = self._repair(place, route, wanted, answer)
        fence.contest.repairing(repair)
        said = {"original-rules": own, "share": share, "router": [self._router, place.route]}
        annotations = fence.ours.annotations(**said)
        written = await self._write(place, route, wanted, annotations, fence)
        if isinstance(written, NotFound):
            return Pending("the route was deleted meanwhile", again_s=0.0)
        return repaired(self._accepted(decode(written, Route)), repair)

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        cached, disowned = self._cached(place, fence), fence.is_disowned(self._called(place))
        if cached is not None and marks.read(cached.metadata.annotations) is None and disowned:
            return self._accepted(cached)
        answer = await self._client.get(self.resource, place.namespace, place.route)
        if isinstance(answer, NotFound):
            return Settled()
        route = decode(answer, Route)
        if marks.read(route.metadata.annotations) is not None:
            objected = fence.look(self._called(place), route.metadata)
            if objected is not None:
                return Settled() if isinstance(objected, Refused) else objected
            answer = await self._write(place, route, self._own(route, place.namespace), marks.removal(), fence)
            if isinstance(answer, NotFound):
                return Settled()
        left = await disown(self._client, self.resource, answer, fence)
        return worst([left, self._accepted(decode(answer, Route))])

    async def marked(self) -> list[Marked]:
        if isinstance(await self._client.discover(self.resource.api_version, self.resource.kind), NotFound):
            return []
        page = await self._client.list_all(self.resource)
        found = []
        for metadata in (decode(raw, Route).metadata for raw in page.items):
            held, share = marks.read(metadata.annotations), marks.saved_share(metadata.annotations)
            made_by, _ = marks.saved_router(metadata.annotations)
            by_script = marks.saved_made(metadata.annotations) is not None
            if held is not None and share is not None and not by_script and made_by in ("", self._router):
                found.append(Marked(metadata.namespace, metadata.name, share.service, share.canary_service, held))
        return found

    async def _write(
        self, place: Place, route: Route, part: Part, annotations: dict[str, Any], fence: Fence
    ) -> bytes | NotFound:
        body = self._body(route, part, annotations)
        fence.ensure()
        answer = await self._client.patch(self.resource, place.namespace, place.route, body, style=PatchStyle.MERGE)
        if not isinstance(answer, NotFound):
            fence.wrote(self._called(place), decode(answer, Route).metadata)
        return answer

    def _body(self, route: Route, part: Part, annotations: dict[str, Any]) -> Body:
        """The patch that makes the part stand in the route as it was read, with our annotations beside its own."""
        patch = replacing(self._format.patch(self._format.part(route)), self._format.patch(part))
        metadata = patch.get("metadata") or {}
        marked = {"annotations": (metadata.get("annotations") or {}) | annotations}
        return patch | {"metadata": metadata | marked | {"resourceVersion": route.metadata.resource_version}}

    async def _unsaid(self, place: Place, route: Route, own: Part, share: Share) -> Refused | None:
        """What the route, or the cluster's definition of its kind, can't say."""
        problem = lacking(self._format, own, place, share)
        if problem is not None:
            return Refused(problem)
        if not share.mirror_percent or self._stands(route, place.namespace, share):
            return None
        wanted = self._format.render(own, place.namespace, share)
        return None if await self._kept(place, route, wanted) else Refused(problems.not_kept(place, self.resource.kind))

    async def _kept(self, place: Place, route: Route, wanted: Part) -> bool:
        """Whether the API server would store it as it is: a definition too old for a part of copies drops that alone,
        and all requests would be copied.
        """
        body = self._body(route, wanted, {})
        answer = await self._client.patch(
            self.resource, place.namespace, place.route, body, style=PatchStyle.MERGE, dry_run=True
        )
        return isinstance(answer, NotFound) or bool(self._format.part(decode(answer, Route)) == wanted)

    async def _look(self, place: Place, fence: Fence) -> Route | NotFound | Refused:
        """From the cache when it can be trusted, else live, and through the fence."""
        cached = self._cached(place, fence)
        if cached is not None:
            return cached
        route = await self._client.read(self.resource, place.namespace, place.route, Route)
        if isinstance(route, NotFound):
            fence.missing(self._called(place))
            return route
        objected = fence.look(self._called(place), route.metadata)
        return objected if isinstance(objected, Refused) else route

    def _cached(self, place: Place, fence: Fence) -> Route | None:
        """What the cache has, if it can't be older than what was read or written last."""
        found = self._cluster.wake_by(self.resource, Route).store.get(place.namespace, place.route)
        if found is None or not is_counted(self._format.patch(self._format.part(found))):
            return None
        return found if fence.trusts(self._called(place), found.metadata) else None

    def _called(self, place: Place) -> str:
        return f"{self.resource.kind} {place.route}"

    def _accepted(self, route: Route) -> Outcome:
        reason = self._format.objection(route)
        return Settled() if reason is None else Pending(reason)

    def _own(self, route: Route, namespace: str) -> Part:
        """The user's own part: as saved, or as it was edited to be since."""
        part = self._format.part(route)
        saved, share = marks.saved_part(route.metadata.annotations), marks.saved_share(route.metadata.annotations)
        if saved is None or share is None:
            return part
        if part == self._format.render(saved, namespace, share):
            return saved
        return self._format.recover(part, saved, namespace, share)

    def _stands(self, route: Route, namespace: str, share: Share) -> bool:
        """Whether the route carries exactly this share, and nobody has edited it since."""
        saved = marks.saved_part(route.metadata.annotations)
        if saved is None or marks.saved_share(route.metadata.annotations) != share:
            return False
        rendered: bool = self._format.part(route) == self._format.render(saved, namespace, share)
        return rendered

    def _repair(self, place: Place, route: Route, wanted: Part, answer: bytes) -> Repair | None:
        """Who edited our part since it was written; None when nobody did, or only beside it."""
        saved, share = marks.saved_part(route.metadata.annotations), marks.saved_share(route.metadata.annotations)
        if saved is None or share is None:
            return None
        part, rendered = self._format.part(route), self._format.render(saved, place.namespace, share)
        if part in (wanted, rendered):
            return None
        edit = merge_patch(self._format.patch(rendered), self._format.patch(part))
        return Repair(f"the rules of {self._called(place)}", editor(answer, edit))

"""Makes, mends and removes the object beside the user's own route that carries a share: the edge of `Beside` formats.

The user's object is only read. Every look is live: annotations don't count up an object's generation, so that a cached
one can't be told from an older one. `shift` and `clearing` call it; what the object should be is the format's to say,
or a script's (`ingress_scripting`).
"""

from typing import Any

from tidegate_chassis.errors import Conflict, ConflictCause
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_traffic_shifter import marks, problems
from tidegate_traffic_shifter.cluster import WakeKey, WakingCluster
from tidegate_traffic_shifter.editors import NOBODY, editor
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.formats import Beside, Body
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Repair, Settled, repaired
from tidegate_traffic_shifter.router import Marked, Place
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.served import unserved
from tidegate_traffic_shifter.share import Share


class StandingBeside:
    """Args:
    cluster: Where objects are read and written.
    form: What is written.
    router: The plugin's name: several make objects of one kind, each gives back its own.
    """

    def __init__(self, cluster: WakingCluster, form: Beside, router: str) -> None:
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
        return [(self.resource.plural, place.namespace, name) for name in (place.route, self._name(place))]

    async def check(self, place: Place, share: Share, fence: Fence) -> Refused | None:
        route = await self._routed(place)
        if isinstance(route, Refused):
            return route
        canary = await self._read(place, self._name(place))
        form = await self._chosen(place, route, canary, share)
        if isinstance(form, Refused):
            return form
        if isinstance(canary, NotFound):
            fence.missing(self._called(place))
            return None
        objected = self._objected(place, canary, fence)
        return objected if isinstance(objected, Refused) else None

    async def share(self, place: Place, fence: Fence) -> Share | None:
        canary = await self._read(place, self._name(place))
        if isinstance(canary, NotFound) or not fence.holds(canary.metadata):
            return None
        if isinstance(await self._read(place, place.route), NotFound):
            return None
        return marks.saved_share(canary.metadata.annotations)

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        route = await self._routed(place)
        if isinstance(route, Refused):
            # Requests that have to leave do so, whatever became of the user's own route.
            return await self.restore(place, fence) if share.is_empty else route
        answer = await self._client.get(self.resource, place.namespace, self._name(place))
        found = answer if isinstance(answer, NotFound) else decode(answer, Route)
        form = await self._chosen(place, route, found, share)
        if isinstance(form, Refused):
            # Requests that have to leave don't wait for a script: without the object beside they have left.
            return await self.restore(place, fence) if share.is_empty else form
        wanted = form.canary(route, share)
        if isinstance(answer, NotFound):
            return await self._create(place, wanted, share, fence)
        canary = decode(answer, Route)
        objected = self._objected(place, canary, fence)
        if objected is not None:
            return objected
        stands = marks.saved_share(canary.metadata.annotations) == share and fence.holds(canary.metadata)
        patch = form.repair(canary, wanted)
        if patch is None and stands:
            fence.stands(self._called(place), wanted)
            return self._accepted(canary)
        edited = fence.stood(self._called(place), wanted)
        repair = self._repair(place, answer, patch, edited=edited) if patch is not None and stands else None
        fence.contest.repairing(repair)
        written = await self._write(place, canary, patch or {"metadata": {}}, share, fence)
        fence.stands(self._called(place), wanted)
        return repaired(written, repair)

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        canary = await self._read(place, self._name(place))
        if isinstance(canary, NotFound):
            fence.missing(self._called(place))
            return Settled()
        objected = self._objected(place, canary, fence)
        if objected is not None:
            return Settled() if isinstance(objected, Refused) else objected
        fence.ensure()
        await self._client.delete(self.resource, place.namespace, self._name(place), uid=canary.metadata.uid)
        fence.missing(self._called(place))
        return Settled()

    async def marked(self) -> list[Marked]:
        if isinstance(await self._client.discover(self.resource.api_version, self.resource.kind), NotFound):
            return []
        page = await self._client.list_all(self.resource)
        return [found for raw in page.items if (found := self._marked(decode(raw, Route))) is not None]

    async def _routed(self, place: Place) -> Route | Refused:
        route = await self._read(place, place.route)
        if isinstance(route, NotFound):
            return Refused(problems.missing_route(place, self.resource.kind))
        return (
            route
            if self._format.sends_to(route, place.service)
            else Refused(problems.not_routed(place, self.resource.kind))
        )

    async def _chosen(self, place: Place, route: Route, canary: Route | NotFound, share: Share) -> Beside | Refused:
        """Who says what the object beside the route shall be, now that it is this one, or none."""
        del place, route, canary, share
        return self._format

    def _marked(self, canary: Route) -> Marked | None:
        metadata = canary.metadata
        held, share = marks.read(metadata.annotations), marks.saved_share(metadata.annotations)
        made_by, route = marks.saved_router(metadata.annotations)
        if held is None or share is None or made_by != self._router:
            return None
        return Marked(metadata.namespace, route, share.service, share.canary_service, held)

    async def _create(self, place: Place, wanted: Body, share: Share, fence: Fence) -> Outcome:
        body = wanted | {"metadata": self._with_marks(place, wanted["metadata"], share, fence)}
        fence.ensure()
        try:
            answer = await self._client.create(self.resource, place.namespace, body, name=self._name(place))
        except Conflict as conflict:
            # Made a moment ago, by us or another copy: to be looked at, not to be made again.
            raise Conflict(conflict.reason, cause=ConflictCause.STALE) from conflict
        return self._wrote(place, answer, fence)

    async def _write(self, place: Place, canary: Route, patch: Body, share: Share, fence: Fence) -> Outcome:
        metadata = self._with_marks(place, patch["metadata"], share, fence)
        body = patch | {"metadata": metadata | {"resourceVersion": canary.metadata.resource_version}}
        fence.ensure()
        answer = await self._client.patch(
            self.resource, place.namespace, self._name(place), body, style=PatchStyle.MERGE
        )
        if isinstance(answer, NotFound):
            return Pending(f"{self._called(place)} was deleted meanwhile", again_s=0.0)
        return self._wrote(place, answer, fence)

    def _wrote(self, place: Place, answer: bytes, fence: Fence) -> Outcome:
        written = decode(answer, Route)
        fence.wrote(self._called(place), written.metadata)
        return self._accepted(written)

    def _with_marks(self, place: Place, metadata: dict[str, Any], share: Share, fence: Fence) -> dict[str, Any]:
        ours = fence.ours.annotations(share=share, router=[self._router, place.route])
        return metadata | {"annotations": metadata.get("annotations", {}) | ours}

    def _objected(self, place: Place, canary: Route, fence: Fence) -> Refused | Pending | None:
        """Why the object beside must not be written: it is somebody else's, or another rollout's."""
        objected = fence.look(self._called(place), canary.metadata)
        if objected is not None:
            return objected
        if canary.metadata.labels.get(marks.MANAGED_BY) != marks.MANAGER:
            return Refused(problems.canary_route_taken(self._name(place), self.resource.kind))
        return None

    def _repair(self, place: Place, answer: bytes, patch: Body, *, edited: bool) -> Repair | None:
        """Who edited the object beside; nobody may have where it follows an edit of the user's own."""
        by = editor(answer, patch)
        return Repair(self._called(place), by) if edited or by != NOBODY else None

    def _accepted(self, canary: Route) -> Outcome:
        reason = self._format.objection(canary)
        return Settled() if reason is None else Pending(reason)

    async def _read(self, place: Place, name: str) -> Route | NotFound:
        return await self._client.read(self.resource, place.namespace, name, Route)

    def _name(self, place: Place) -> str:
        return self._format.name(place.route)

    def _called(self, place: Place) -> str:
        return f"{self.resource.kind} {self._name(place)}"

"""The stable Service pinned and given back, the canary Service made and removed, and who stands behind both.

Called by `shift` and `release`, as routers are: every call looks at the Service as it is and writes only what is
missing. What to write is in `pins`, who is ready in `endpoints`.
"""

from collections.abc import Callable
from typing import Any, Final

from tidegate_chassis.errors import Conflict, ConflictCause
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import ENDPOINT_SLICES, SERVICES
from tidegate_traffic_shifter import marks, pins, problems
from tidegate_traffic_shifter.cluster import WakeKey, WakingCluster
from tidegate_traffic_shifter.disowning import disown
from tidegate_traffic_shifter.editors import NOBODY, editor
from tidegate_traffic_shifter.endpoints import Endpoints, endpoints_of
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.marks import Marks
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Repair, Settled
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.seen import EndpointSlice, Service

SERVICE_NAME: Final = "kubernetes.io/service-name"
BY_SERVICE: Final = "service"


class Services:
    """Args:
    cluster: Where Services are read and written.
    """

    def __init__(self, cluster: WakingCluster) -> None:
        self._client = cluster.client
        self._services = cluster.wake_by(SERVICES, Service)
        self._slices = cluster.wake_by(
            ENDPOINT_SLICES,
            EndpointSlice,
            name_of=_service_of,
            indexes={BY_SERVICE: lambda found: [f"{found.metadata.namespace}/{_service_of(found)}"]},
        )

    def wake_keys(self, place: Place) -> list[WakeKey]:
        names = (place.service, place.canary_service)
        plurals = (SERVICES.plural, ENDPOINT_SLICES.plural)
        return [(plural, place.namespace, name) for plural in plurals for name in names]

    async def check(self, place: Place, label: str, fence: Fence) -> Refused | None:
        """What is wrong with the Services before anything is written."""
        stable = await self.find(place, place.service, fence)
        if isinstance(stable, Refused):
            return stable
        if stable is None:
            return Refused(problems.missing_service(place))
        if place.one_service:
            return None
        if not stable.spec.selector:
            return Refused(problems.without_selector(place))
        if pins.is_pinned_by_another(stable, label):
            return Refused(problems.pinned_by_another(place, label))
        return await self._check_canary(place, fence)

    async def _check_canary(self, place: Place, fence: Fence) -> Refused | None:
        canary = await self.find(place, place.canary_service, fence)
        if isinstance(canary, Refused):
            return canary
        if canary is not None and not pins.is_ours(canary):
            return Refused(problems.name_taken(place))
        return None

    async def find(self, place: Place, name: str, fence: Fence) -> Service | Refused | None:
        """The Service from the cache, or live where that can't be trusted; None where there is none."""
        cached = self._services.store.get(place.namespace, name)
        if cached is not None and fence.trusts(_called(name), cached.metadata):
            return cached
        found = await self._client.read(SERVICES, place.namespace, name, Service)
        if isinstance(found, NotFound):
            fence.missing(_called(name))
            return None
        objected = fence.look(_called(name), found.metadata)
        return objected if isinstance(objected, Refused) else found

    def endpoints(self, service: Service) -> Endpoints:
        """Who stands behind the Service, as far as we have heard."""
        at = f"{service.metadata.namespace}/{service.metadata.name}"
        return endpoints_of(service, self._slices.store.by_index(BY_SERVICE, at))

    async def covers(self, place: Place, fence: Fence) -> Outcome:
        """Whether all who answer for the new version stand behind the stable Service, too."""
        stable = await self.find(place, place.service, fence)
        canary = await self.find(place, place.canary_service, fence)
        if not isinstance(stable, Service) or not isinstance(canary, Service):
            return Settled()
        if self.endpoints(canary).ready <= self.endpoints(stable).ready:
            return Settled()
        return Pending(f"Service {place.service} does not send to all ready pods yet")

    def others_know_at_s(self, now_s: float) -> float:
        """When everybody else follows endpoints again, after an API server that was out of reach."""
        return self._slices.outage.others_back_at_s(now_s)

    async def marked(self) -> list[tuple[Service, Marks]]:
        """Every Service in the cluster that carries our marks, from a live look."""
        page = await self._client.list_all(SERVICES)
        services = [decode(raw, Service) for raw in page.items]
        return [(each, held) for each in services if (held := marks.read(each.metadata.annotations)) is not None]

    async def pin(self, place: Place, label: str, revision: str, fence: Fence) -> Outcome:
        """Bind the stable Service to a revision's pods; one for both versions stays as it is."""
        return await self._select(
            place,
            fence,
            stands=lambda found: pins.is_pinned(found, label, revision),
            patch=lambda found: pins.pin(found, label, revision, fence.ours),
        )

    async def is_open(self, place: Place, label: str, fence: Fence) -> bool:
        """Whether the stable Service is held, and has all pods again; one for both versions always has."""
        if place.one_service:
            return True
        found = await self.find(place, place.service, fence)
        return isinstance(found, Service) and fence.holds(found.metadata) and pins.is_opened(found, label)

    async def open(self, place: Place, label: str, fence: Fence) -> Outcome:
        """Let the stable Service have all pods again, though it is held; whoever edited it, edits the user's own."""
        done = await self._select(
            place,
            fence,
            stands=lambda found: pins.is_opened(found, label),
            patch=lambda found: pins.opened(found, label, fence.ours),
        )
        return Settled() if isinstance(done, Settled) else done

    async def _select(
        self,
        place: Place,
        fence: Fence,
        *,
        stands: Callable[[Service], bool],
        patch: Callable[[Service], dict[str, Any]],
    ) -> Outcome:
        if place.one_service:
            return Settled()
        cached = await self.find(place, place.service, fence)
        if isinstance(cached, Service) and stands(cached) and fence.holds(cached.metadata):
            return Settled()
        answer = await self._client.get(SERVICES, place.namespace, place.service)
        if isinstance(answer, NotFound):
            return Refused(problems.missing_service(place))
        service = decode(answer, Service)
        objected = fence.look(_called(place.service), service.metadata)
        if objected is not None:
            return objected
        if stands(service):
            return Settled()
        repair = self._repair(place, service, answer, fence)
        fence.contest.repairing(repair)
        await self._patch(service, patch(service), fence)
        return Settled(repair)

    def _repair(self, place: Place, service: Service, answer: bytes, fence: Fence) -> Repair | None:
        """Who edited what this order has written; None when it hasn't yet."""
        found = marks.read(service.metadata.annotations)
        if found is None or found.revision != fence.ours.revision:
            return None
        by = editor(answer, {"spec": {"selector": service.spec.selector}})
        return Repair(f"the selector of {_called(place.service)}", by)

    async def unpin(self, place: Place, label: str, fence: Fence) -> Outcome:
        """Give the stable Service its own selector back; one that is gone, or somebody else's now, is left alone."""
        found = await self.find(place, place.service, fence)
        if found is None or isinstance(found, Refused):
            return Settled()
        if marks.read(found.metadata.annotations) is None and fence.is_disowned(_called(place.service)):
            return Settled()
        answer = await self._client.get(SERVICES, place.namespace, place.service)
        return Settled() if isinstance(answer, NotFound) else await self._give_back(place, label, answer, fence)

    async def _give_back(self, place: Place, label: str, answer: bytes, fence: Fence) -> Outcome:
        live = decode(answer, Service)
        if marks.read(live.metadata.annotations) is not None:
            objected = fence.look(_called(place.service), live.metadata)
            if objected is not None:
                return Settled() if isinstance(objected, Refused) else objected
            written = await self._patch(live, pins.unpin(live, label), fence)
            if isinstance(written, NotFound):
                return Settled()
            answer = written
        return await disown(self._client, SERVICES, answer, fence)

    async def make_canary(self, place: Place, label: str, revision: str, fence: Fence) -> Outcome:
        """Make the canary Service, or put right what somebody changed of it."""
        if place.one_service:
            return Settled()
        stable = await self.find(place, place.service, fence)
        if isinstance(stable, Refused) or stable is None:
            return stable or Refused(problems.missing_service(place))
        canary = await self.find(place, place.canary_service, fence)
        if isinstance(canary, Refused):
            return canary
        body = pins.canary_service(stable, place.canary_service, label, revision, fence.ours)
        outcome: Outcome = Settled()
        if canary is None:
            await self._create(place, body, fence)
        elif not pins.is_canary(canary, body):
            outcome = await self._mend_canary(place, body, fence)
        if isinstance(outcome, Settled):
            fence.stands(_called(place.canary_service), body["spec"])
        return outcome

    async def _mend_canary(self, place: Place, body: dict[str, Any], fence: Fence) -> Outcome:
        """What differs is somebody's edit, or follows one of the user's own Service."""
        called = _called(place.canary_service)
        answer = await self._client.get(SERVICES, place.namespace, place.canary_service)
        if isinstance(answer, NotFound):
            fence.missing(called)
            return Pending("the canary Service was deleted meanwhile", again_s=0.0)
        canary = decode(answer, Service)
        objected = fence.look(called, canary.metadata)
        if objected is not None or pins.is_canary(canary, body):
            return objected or Settled()
        by = editor(answer, {"spec": pins.edited_canary(canary, body)})
        repair = Repair(called, by) if by != NOBODY or fence.stood(called, body["spec"]) else None
        fence.contest.repairing(repair)
        await self._patch(canary, pins.repaired_canary(canary, body), fence)
        return Settled(repair)

    def is_edited(self, place: Place, fence: Fence) -> bool:
        """Whether a canary Service for other pods than the order's was one for them."""
        return fence.stood(_called(place.canary_service))

    async def delete_canary(self, place: Place, fence: Fence) -> Outcome:
        """Remove the canary Service, if there is one and we made it."""
        canary = await self.find(place, place.canary_service, fence)
        if canary is None or isinstance(canary, Refused) or not pins.is_ours(canary):
            return Settled()
        fence.ensure()
        await self._client.delete(SERVICES, place.namespace, place.canary_service, uid=canary.metadata.uid)
        fence.missing(_called(place.canary_service))
        return Settled()

    async def _create(self, place: Place, body: dict[str, Any], fence: Fence) -> None:
        fence.ensure()
        try:
            answer = await self._client.create(SERVICES, place.namespace, body, name=place.canary_service)
        except Conflict as conflict:
            # Made a moment ago, by us or another copy: to be looked at, not to be made again.
            raise Conflict(conflict.reason, cause=ConflictCause.STALE) from conflict
        fence.wrote(_called(place.canary_service), decode(answer, Service).metadata)

    async def _patch(self, service: Service, body: dict[str, Any], fence: Fence) -> bytes | NotFound:
        fence.ensure()
        name, namespace = service.metadata.name, service.metadata.namespace
        answer = await self._client.patch(SERVICES, namespace, name, body, style=PatchStyle.MERGE)
        if not isinstance(answer, NotFound):
            fence.wrote(_called(name), decode(answer, Service).metadata)
        return answer


def _service_of(found: EndpointSlice) -> str:
    return found.metadata.labels.get(SERVICE_NAME, "")


def _called(name: str) -> str:
    return f"Service {name}"

"""What the cluster holds of a release, read live: the specs of its objects, and its pods by their labels.

Called by `recording`, and only there: beyond that the operator reads no workloads and no pods. What can't be read (it
is gone, or the right to it was not given) is left out, and logged.
"""

from typing import Any, Final

import msgspec
import structlog

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound, decode
from tidegate_chassis.kubernetes.resources import HTTP_ROUTES, PODS, SERVICES, Resource
from tidegate_rollout_operator.kruise import ROLLOUTS, Rollout
from tidegate_rollout_operator.rollout_history import POD_BATCH, Kept, Named, Pod, selector_of, style_of

INGRESSES: Final = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")

_log = structlog.get_logger(__name__)


class _Object(msgspec.Struct, frozen=True):
    spec: Any = None


class _PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""


class _PodStatus(msgspec.Struct, frozen=True):
    address: str = msgspec.field(name="podIP", default="")


class _Pod(KubernetesObject, frozen=True):
    spec: _PodSpec = _PodSpec()
    status: _PodStatus = _PodStatus()


class Snapshots:
    """Args:
    client: Who reads.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def kept(self, rollout: Rollout) -> Kept:
        """The specs as they stand now, for a Rollout with or without routes."""
        routing = next(iter(style_of(rollout).traffic_routings), None)
        route = routing.gateway.http_route_name if routing is not None and routing.gateway is not None else None
        ingress = str((routing.ingress or {}).get("name", "")) if routing is not None else ""
        return Kept(
            rollout=await self._spec(ROLLOUTS, rollout, rollout.metadata.name),
            workload=await self.workload(rollout),
            service=await self._named(SERVICES, rollout, routing.service if routing is not None else ""),
            route=await self._named(HTTP_ROUTES, rollout, route or ""),
            ingress=await self._named(INGRESSES, rollout, ingress),
        )

    async def workload(self, rollout: Rollout) -> Any:
        """Its spec, whatever its kind."""
        reference = rollout.workload
        resource = await self._client.discover(reference.api_version, reference.kind)
        return None if isinstance(resource, NotFound) else await self._spec(resource, rollout, reference.name)

    async def pods(self, rollout: Rollout, workload: Any, identity: str) -> list[Pod]:
        """Those that came in this release."""
        selector = selector_of(workload, identity)
        try:
            page = await self._client.list_all(PODS, rollout.metadata.namespace, label_selector=selector)
        except Permanent as error:
            _log.warning("pods are left out of a history", rollout=rollout.metadata.name, reason=error.reason)
            return []
        return [_shown(decode(raw, _Pod)) for raw in page.items]

    async def _named(self, resource: Resource, rollout: Rollout, name: str) -> Named | None:
        return Named(name, await self._spec(resource, rollout, name)) if name else None

    async def _spec(self, resource: Resource, rollout: Rollout, name: str) -> Any:
        try:
            found = await self._client.read(resource, rollout.metadata.namespace, name, _Object)
        except Permanent as error:
            _log.warning("left out of a history", resource=resource.qualified_plural, name=name, reason=error.reason)
            return None
        return None if isinstance(found, NotFound) else found.spec


def _shown(pod: _Pod) -> Pod:
    batch = pod.metadata.labels.get(POD_BATCH, "")
    step = int(batch) if batch.isdecimal() else 0
    return Pod(pod.metadata.name, pod.status.address, pod.spec.node_name, step)

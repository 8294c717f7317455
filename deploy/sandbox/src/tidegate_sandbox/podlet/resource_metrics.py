"""The resource metrics API (`metrics.k8s.io`) of the simulated pods, for real autoscalers and `kubectl top pods`.

`app` serves it where the sandbox asks for it; the API server passes requests on, by an APIService. How much CPU pods
use is said by their image tag or environment and, for a whole application, by a ConfigMap that can change at any time.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from tidegate_sandbox.podlet.api import Api, RefusedError, UnreachableError
from tidegate_sandbox.podlet.behaviour import Behaviour, behaviour_of
from tidegate_sandbox.podlet.pods import Pod
from tidegate_sandbox.podlet.selectors import matcher

GROUP_VERSION: Final = "metrics.k8s.io/v1beta1"
ROOT: Final = f"/apis/{GROUP_VERSION}"
LOAD: Final = "podlet-load"
"""The ConfigMap: the value of a pod's label `app` -> the cores that the application's Ready pods share."""
APPLICATION: Final = "app"
MEMORY: Final = "16Mi"
WINDOW: Final = "1s"
"""An autoscaler leaves out what was measured before a pod was Ready for this long."""
NOT_FOUND: Final = 404
STOP_TIMEOUT_S: Final = 1.0


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where to serve, and by which certificate."""

    address: str
    port: int
    certificate: Path
    certificate_key: Path


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] = {}


class ResourceMetrics:
    """`pods` tells every pod that is held now."""

    def __init__(self, api: Api, pods: Callable[[], Iterable[Pod]]) -> None:
        self._api = api
        self._pods = pods

    async def run(self, door: Door) -> None:
        """Serve until cancelled."""
        application = web.Application()
        application.router.add_get(ROOT, self._resources)
        application.router.add_get(f"{ROOT}/pods", self._list)
        application.router.add_get(f"{ROOT}/namespaces/{{namespace}}/pods", self._list)
        identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        identity.load_cert_chain(door.certificate, door.certificate_key)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=STOP_TIMEOUT_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, door.address, door.port, ssl_context=identity).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _resources(self, request: web.Request) -> web.Response:
        del request  # There is only one answer.
        pods = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
        kind = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION}
        return _json(kind | {"resources": [pods]})

    async def _list(self, request: web.Request) -> web.Response:
        namespace = request.match_info.get("namespace")
        try:
            matches = matcher(request.query.get("labelSelector", ""))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        pods = [pod for pod in self._pods() if namespace in {None, pod.metadata.namespace}]
        loads = {name: await self._load(name) for name in {pod.metadata.namespace for pod in pods}}
        metrics = [one for pod, one in metrics_of(pods, loads, datetime.now(UTC)) if matches(pod.metadata.labels)]
        return _json(
            {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": metrics}
        )

    async def _load(self, namespace: str) -> dict[str, int]:
        try:
            answer = await self._api.get(f"/api/v1/namespaces/{namespace}/configmaps/{LOAD}")
        except RefusedError as error:
            if error.code == NOT_FOUND:
                return {}
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        except UnreachableError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        data = msgspec.json.decode(answer, type=_ConfigMap).data
        try:
            return {application: millicores(value) for application, value in data.items()}
        except ValueError as error:
            raise web.HTTPInternalServerError(text=f"ConfigMap {namespace}/{LOAD}: {error}") from error


def metrics_of(
    pods: Iterable[Pod], loads: Mapping[str, Mapping[str, int]], now: datetime
) -> list[tuple[Pod, dict[str, Any]]]:
    """Each running pod with its metrics; `loads` has the millicores of each namespace's applications."""
    running = [pod for pod in pods if pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None]
    sharing = Counter(_application(pod) for pod in running if pod.status.is_ready())
    found = []
    for pod in running:
        application = _application(pod)
        shared = loads.get(pod.metadata.namespace, {}).get(application[1], 0)
        share = shared // sharing[application] if pod.status.is_ready() else 0
        found.append((pod, _metrics(pod, share, now)))
    return found


def _application(pod: Pod) -> tuple[str, str]:
    return pod.metadata.namespace, pod.metadata.labels.get(APPLICATION, "")


def _metrics(pod: Pod, share_millicores: int, now: datetime) -> dict[str, Any]:
    behaviours = [behaviour_of(container) for container in pod.spec.containers]
    own = [behaviour.cpu_millicores if isinstance(behaviour, Behaviour) else 0 for behaviour in behaviours]
    usage = [own[0] + share_millicores, *own[1:]]
    return {
        "metadata": {
            "name": pod.metadata.name,
            "namespace": pod.metadata.namespace,
            "labels": pod.metadata.labels,
            "creationTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window": WINDOW,
        "containers": [
            {"name": container.name, "usage": {"cpu": f"{used}m", "memory": MEMORY}}
            for container, used in zip(pod.spec.containers, usage, strict=True)
        ],
    }


def millicores(quantity: str) -> int:
    """`1500m` and `1.5` are 1500; `ValueError` for anything else."""
    text = quantity.strip()
    value = float(text[:-1]) if text.endswith("m") else float(text) * 1000
    if not 0 <= value < 1e9:  # noqa: PLR2004  a million cores
        raise ValueError(f"{quantity!r} is no amount of CPU")
    return round(value)


def _json(content: dict[str, Any]) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")

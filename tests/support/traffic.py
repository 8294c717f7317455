"""A traffic-shifter's hold loop on a real API server, with orders given by hand and real requests through the proxy.

Two Deployments stand for the two revisions of one workload: the traffic-shifter knows pods only by their revision's
label. The bus is left out: facts are noted instead of published, and an order is superseded by cancelling its task.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp

from support.steady_load import BOTH, SteadyLoad, plan
from support.until import until
from support.workloads import SOCKETS_CLOSE_S, Notes
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.errors import Conflict, Transient, UnknownOutcome
from tidegate_chassis.holding import HeldOrder, Lease
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import (
    DEPLOYMENTS,
    HTTP_PROXIES,
    HTTP_ROUTES,
    REPLICA_SETS,
    SERVICES,
    Resource,
)
from tidegate_chassis.message import Message
from tidegate_contracts.facts import Fact
from tidegate_contracts.orders import ReleaseTraffic, RouteOrder, ShiftTraffic
from tidegate_contracts.rollout import HttpMatch, TrafficReference
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_sandbox.load.run import LoadRun
from tidegate_sandbox.state import SandboxState
from tidegate_traffic_shifter.catalogue import load_routers
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.holder import TrafficHolder
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.services import Services

CLOCK = SystemClock()
GRACE_S = 0.5
CONTROLLER_PERIOD_S = 0.05
HASH = "pod-template-hash"
QUICK = "ready-0.1"
BOTH_ROUTES = tuple(
    TrafficReference(route="web", service="web", router=router, grace_s=GRACE_S)
    for router in ("gateway-http-route", "contour-http-proxy")
)
F = TypeVar("F", bound=Fact)


def pods(version: str, replicas: int, behaviour: str = QUICK) -> dict[str, Any]:
    """A Deployment whose pods answer with their version, and behave as an image's tag says."""
    labels = {"app": "web", "version": version}
    container = {
        "name": "app",
        "image": f"registry.example/web:{version}_{behaviour}",
        "ports": [{"containerPort": 8080}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"web-{version}"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def service(name: str = "web") -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def route(host: str, rules: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {
            "parentRefs": [{"name": "tidegate", "namespace": "projectcontour"}],
            "hostnames": [host],
            "rules": rules or [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }


def http_proxy(host: str) -> dict[str, Any]:
    return {
        "apiVersion": "projectcontour.io/v1",
        "kind": "HTTPProxy",
        "metadata": {"name": "web"},
        "spec": {"virtualhost": {"fqdn": host}, "routes": [{"services": [{"name": "web", "port": 80}]}]},
    }


class TrafficRig:
    """One copy of the traffic-shifter, and the user's own things in one namespace."""

    def __init__(
        self, sandbox: SandboxState, client: KubernetesClient, admin: KubernetesClient, namespace: str
    ) -> None:
        self.sandbox = sandbox
        self.admin = admin
        self.namespace = namespace
        self.door_url = sandbox.proxy_url
        """Of the proxy that gets the requests."""
        self.host = f"{namespace}.example"
        self.key = WorkloadKey("default", namespace, "deployment.apps", "web")
        self.revisions: dict[str, str] = {}
        self.revision = 0
        self.router = "gateway-http-route"
        self.notes = Notes()
        self.cluster = WakingCluster(client)
        self.routers = load_routers(self.cluster, "tidegate-system")
        self.holder = TrafficHolder(self.cluster, Services(self.cluster), self.routers, self.notes, CLOCK)
        self.task: asyncio.Task[None] | None = None

    # The user's own doings

    @property
    def route_resource(self) -> Resource:
        return HTTP_PROXIES if self.router == "contour-http-proxy" else HTTP_ROUTES

    async def create(
        self, *, rules: list[dict[str, Any]] | None = None, v1: int = 4, v2: int = 4, behaviour: str = QUICK
    ) -> None:
        """Pods of both versions, a Service and a route, all of it serving."""
        await self.admin.create(SERVICES, self.namespace, service())
        made = http_proxy(self.host) if self.route_resource is HTTP_PROXIES else route(self.host, rules)
        await self.admin.create(self.route_resource, self.namespace, made)
        for version, replicas in (("v1", v1), ("v2", v2)):
            await self.run_pods(version, replicas, behaviour)

    async def create_proxy(self) -> str:
        """An HTTPProxy beside the HTTPRoute, and the host that it serves."""
        host = f"proxy-{self.host}"
        await self.admin.create(HTTP_PROXIES, self.namespace, http_proxy(host))
        return host

    async def run_pods(self, version: str, replicas: int, behaviour: str = QUICK) -> None:
        await self.admin.create(DEPLOYMENTS, self.namespace, pods(version, replicas, behaviour))
        await self._until_ready(version, replicas)
        listed = await self.admin.list_all(REPLICA_SETS, self.namespace, label_selector=f"version={version}")
        self.revisions[version] = json.loads(bytes(listed.items[0]))["metadata"]["labels"][HASH]

    async def scale(self, version: str, replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        await self.admin.patch(DEPLOYMENTS, self.namespace, f"web-{version}", body, style=PatchStyle.MERGE)
        await self._until_ready(version, replicas)

    async def _until_ready(self, version: str, replicas: int) -> None:
        deadline_s = time.monotonic() + 15.0
        while (await self.read(DEPLOYMENTS, f"web-{version}"))["status"].get("readyReplicas", 0) != replicas:
            assert time.monotonic() < deadline_s, f"{version} did not get ready"
            await asyncio.sleep(0.05)

    async def read(self, resource: Resource, name: str = "web") -> dict[str, Any]:
        answer = await self.admin.get(resource, self.namespace, name)
        assert not isinstance(answer, NotFound), answer
        found: dict[str, Any] = json.loads(answer)
        return found

    async def owners(self, resource: Resource, name: str = "web") -> set[str]:
        """Who owns fields of the object, as the API server has it."""
        return {each["manager"] for each in (await self.read(resource, name))["metadata"]["managedFields"]}

    async def exists(self, resource: Resource, name: str) -> bool:
        return not isinstance(await self.admin.get(resource, self.namespace, name), NotFound)

    async def edit(self, resource: Resource, body: dict[str, Any], name: str = "web") -> None:
        answer = await self.admin.patch(resource, self.namespace, name, body, style=PatchStyle.MERGE)
        assert isinstance(answer, bytes), answer

    async def rules(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.read(HTTP_ROUTES))["spec"]["rules"]
        return found

    async def user_made(self) -> list[Any]:
        """The user's own route and Service without what the API server counts in them."""
        found = [await self.read(self.route_resource), await self.read(SERVICES)]
        return [(each["spec"], each["metadata"].get("annotations"), each["metadata"].get("labels")) for each in found]

    @property
    def seen_weights(self) -> dict[str, int]:
        """As `weights`, from the shifter's own cache."""
        found = self.cluster.wake_by(HTTP_ROUTES, Route).store.get(self.namespace, "web")
        return {each["name"]: each["weight"] for each in found.rules[0]["backendRefs"]} if found else {}

    async def settle(self) -> None:
        """Until nothing is waited for any more."""
        await until(lambda: self.notes.telemetry and self.notes.telemetry[-1].accepted, within_s=10.0)

    async def delete(self, resource: Resource, name: str = "web") -> None:
        found = await self.read(resource, name)
        await self.admin.delete(resource, self.namespace, name, uid=found["metadata"]["uid"])

    async def create_route(self) -> None:
        await self.admin.create(HTTP_ROUTES, self.namespace, route(self.host))

    async def weights(self) -> dict[str, int]:
        """By backend, of the first rule."""
        return {each["name"]: each.get("weight", 1) for each in (await self.rules())[0]["backendRefs"]}

    # Orders

    @property
    def traffic(self) -> tuple[TrafficReference, ...]:
        return (TrafficReference(route="web", service="web", router=self.router, grace_s=GRACE_S),)

    def shift(
        self,
        weight_percent: int,
        *,
        canary: str | None = "v2",
        stable: str = "v1",
        matches: tuple[HttpMatch, ...] = (),
        **more: Any,
    ) -> ShiftTraffic:
        self.revision += 1
        return ShiftTraffic(
            rollout="r1",
            revision=self.revision,
            workload=WorkloadReference(name="web"),
            traffic=more.pop("traffic", self.traffic),
            stable_revision=self.revisions[stable],
            canary_revision=self.revisions[canary] if canary else None,
            weight_percent=weight_percent,
            matches=matches,
            **more,
        )

    def release(self, **more: Any) -> ReleaseTraffic:
        self.revision += 1
        return ReleaseTraffic(
            rollout="r1",
            revision=self.revision,
            workload=WorkloadReference(name="web"),
            traffic=more.pop("traffic", self.traffic),
            **more,
        )

    def order_shift(self, *arguments: Any, **more: Any) -> Callable[[], RouteOrder]:
        """The same, to be numbered when it is given."""
        return lambda: self.shift(*arguments, **more)

    def order_release(self) -> Callable[[], RouteOrder]:
        return self.release

    async def give(self, order: RouteOrder) -> None:
        """Supersede whatever is held."""
        await self.drop()
        message = Message(
            subject="", payload=b"", headers={}, stream="", sequence=0, deliveries=1, time_s=time.time(), id="order"
        )
        held = HeldOrder(self.key, order, order.revision, message, Lease(CLOCK, ack_wait_s=1e9, since_s=0.0))
        self.task = asyncio.create_task(self._keep(held))

    async def _keep(self, held: HeldOrder[RouteOrder]) -> None:
        while True:
            try:
                return await self.holder.hold(held)
            except (Conflict, Transient, UnknownOutcome):
                await asyncio.sleep(0.1)

    async def drop(self) -> None:
        """Let go of the order without a word, as when a copy dies."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None

    async def obey(self, order: RouteOrder, kind: type[F], *, within_s: float = 10.0) -> F:
        """Give the order and wait for a fact that answers it."""
        await self.give(order)
        return await self.fact(kind, within_s=within_s)

    async def fact(self, kind: type[F], matching: Callable[[F], bool] = lambda _: True, *, within_s: float = 10.0) -> F:
        def found() -> list[F]:
            return [each for each in self.facts(kind) if matching(each)]

        def failed() -> bool:
            return self.task is not None and self.task.done() and self.task.exception() is not None

        try:
            await until(lambda: failed() or found(), within_s=within_s, what=f"a {kind.__name__}")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.notes.facts[-5:]}; {self.notes.telemetry[-3:]}") from None
        if failed():
            assert self.task is not None
            raise AssertionError("the hold loop failed") from self.task.exception()
        return found()[0]

    def facts(self, kind: type[F]) -> list[F]:
        return [each for each in self.notes.facts if isinstance(each, kind) and each.order_revision == self.revision]

    # Requests

    def load(self, rate_per_s: float, duration_s: float, path: str = "/") -> LoadRun:
        return LoadRun(plan(self.door_url + path, self.host, rate_per_s, "1.1", duration_s))

    async def measure(self, requests: int = 600, path: str = "/") -> dict[str, float]:
        """The share that each version answers now, in percent."""
        summary = await self.load(rate_per_s=600.0, duration_s=requests / 600.0, path=path).run()
        assert not summary.lost, summary.lost
        return {name: 100.0 * found.ok / summary.finished for name, found in summary.versions.items()}

    async def answers(self, requests: int, path: str, headers: dict[str, str], *, host: str = "") -> set[str]:
        """The versions that answer requests like this."""
        sent = headers | {"host": host or self.host}
        async with aiohttp.ClientSession() as session:
            found = set()
            for _ in range(requests):
                async with session.get(self.door_url + path, headers=sent) as answer:
                    assert answer.status == HTTPStatus.OK, answer.status
                    found.add(answer.headers["x-version"])
            return found

    async def lines(self, path: str, sent: Mapping[str, str] | None = None, *, host: str = "") -> list[str]:
        """What one of the pods answers."""
        url, headers = self.door_url + path, {"host": host or self.host} | dict(sent or {})
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            assert answer.status == HTTPStatus.OK, answer.status
            return (await answer.text()).splitlines()

    @asynccontextmanager
    async def loaded(
        self, rate_per_s: float = 200.0, *, hosts: Sequence[str] = (), lossless: bool = True
    ) -> AsyncIterator[SteadyLoad]:
        """So many requests to each host, half of them by HTTP/2; none of them may be lost, unless it is said."""
        url, rate = self.door_url + "/", rate_per_s / len(BOTH)
        plans = [plan(url, host, rate, version) for host in hosts or (self.host,) for version in BOTH]
        load = SteadyLoad(plans, lambda: self.notes.telemetry[-1:])
        async with load.running(lossless=lossless):
            yield load


@asynccontextmanager
async def controlled(rig: TrafficRig, resource: Resource, name: str) -> AsyncIterator[None]:
    """Somebody says of each generation of a route, as its kind's controller would, that it is taken."""

    async def say() -> None:
        answered = 0
        while True:
            generation = (await rig.read(resource, name))["metadata"]["generation"]
            if generation > answered:
                said = {"type": "Accepted", "status": "True", "observedGeneration": generation}
                body = {"status": {"conditions": [said]}}
                await rig.admin.patch(resource, rig.namespace, name, body, style=PatchStyle.MERGE, subresource="status")
                answered = generation
            await asyncio.sleep(CONTROLLER_PERIOD_S)

    task = asyncio.create_task(say())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def traffic_rig(sandbox: SandboxState, namespace: str) -> AsyncIterator[TrafficRig]:
    """A copy of the traffic-shifter under its own identity."""
    folder = sandbox.kubeconfig_directory
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.sleep, SOCKETS_CLOSE_S)
        client, admin = [
            await stack.enter_async_context(
                await KubernetesClient.connect(str(folder / f"{user}.yaml"), field_manager=manager)
            )
            for user, manager in (("traffic-shifter", FIELD_MANAGER), ("admin", "a-user"))
        ]
        made = TrafficRig(sandbox, client, admin, namespace)
        await stack.enter_async_context(made.cluster.followed())
        stack.push_async_callback(made.drop)
        await asyncio.wait_for(made.cluster.wait_synced(), 10.0)
        yield made

"""The rollout-operator as processes, with the real orchestrator and workload-controller, on one sandbox.

Whoever uses it writes Rollouts as a user does, and asks for the rollouts of guarded workloads as the
workload-controller does for a change that it held.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from support import kruise_rollouts
from support.nats import REPOSITORY
from support.sandbox import kubectl
from support.workload_service import Copy
from support.workloads import SOCKETS_CLOSE_S, deployment, image
from tidegate_chassis import jetstream, topology
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.connection import Connection, connected
from tidegate_chassis.journal import Journal
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, REPLICA_SETS, Resource
from tidegate_contracts import subjects
from tidegate_contracts.codec import decode_guard, encode, event_decoder
from tidegate_contracts.decisions import Decision
from tidegate_contracts.guards import Guard, GuardSet
from tidegate_contracts.topology import EVENTS, GUARDS
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.kruise import ROLLOUTS
from tidegate_rollout_operator.traffic_routing import TRAFFIC_ROUTINGS
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState

DEFINITIONS: Final = REPOSITORY / "deploy" / "kubernetes" / "crds"
MODULES: Final = {
    "orchestrator": "tidegate_orchestrator",
    "workload-controller": "tidegate_workload_controller",
    "traffic-shifter": "tidegate_traffic_shifter",
    "rollout-operator": "tidegate_rollout_operator",
}
POLL_PERIOD_S: Final = 0.02
WITHIN_S: Final = 20.0

Status = dict[str, Any]


def define(sandbox: SandboxState) -> None:
    """The definitions of Kruise's resources, in force."""
    kubectl(sandbox, "apply", "-f", str(DEFINITIONS))
    kubectl(sandbox, "wait", "--for=condition=Established", "-f", str(DEFINITIONS), "--timeout=30s")


class Shop:
    """One namespace with a Deployment, its Rollout of the same name, and what its user sees."""

    def __init__(
        self,
        client: KubernetesClient,
        user: Connection,
        reader: Connection,
        sandbox: SandboxState,
        namespace: str,
        *,
        name: str = "web",
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.key = WorkloadKey("default", namespace, "deployment.apps", name)
        self._reader = reader
        self.seen: list[Status] = []
        self._client = client
        self._user = user
        self._journal = Journal(reader, "test", SystemClock())
        self.sandbox = sandbox

    def beside(self, name: str) -> "Shop":
        """Another Deployment of the namespace, and its Rollout."""
        return Shop(self._client, self._user, self._reader, self.sandbox, self.namespace, name=name)

    async def create_workload(self, replicas: int = 4) -> None:
        await self._client.create(
            DEPLOYMENTS, self.namespace, deployment(self.name, replicas=replicas, tag="v1_ready-0.1")
        )
        await self.until_whole("registry.example/web:v1_ready-0.1", replicas)

    async def workload(self) -> dict[str, Any]:
        answer = await self._client.get(DEPLOYMENTS, self.namespace, self.name)
        assert not isinstance(answer, NotFound)
        found: dict[str, Any] = msgspec.json.decode(answer)
        return found

    async def pod_template_hash(self) -> str:
        """Of the only ReplicaSet."""
        (raw,) = (await self._client.list_all(REPLICA_SETS, self.namespace)).items
        found: str = msgspec.json.decode(raw)["metadata"]["labels"]["pod-template-hash"]
        return found

    async def until_whole(self, tag: str, replicas: int) -> None:
        async def whole() -> bool:
            found = await self.workload()
            status = found.get("status", {})
            images = [each["image"] for each in found["spec"]["template"]["spec"]["containers"]]
            counts = {status.get(name, 0) for name in ("updatedReplicas", "availableReplicas", "replicas")}
            return images == [tag] and counts == {replicas}

        await self._until(whole, f"the workload is whole on {tag}")

    # What the user writes

    async def create(self, *, annotations: dict[str, str] | None = None, **given: Any) -> None:
        made = kruise_rollouts.manifest(**{"name": self.name, "namespace": self.namespace, **given})
        made["spec"]["workloadRef"]["name"] = self.name
        made["metadata"]["annotations"] = annotations or {}
        await self._client.create(ROLLOUTS, self.namespace, made)

    async def edit(self, spec: dict[str, Any], name: str | None = None) -> None:
        await self._client.patch(ROLLOUTS, self.namespace, name or self.name, {"spec": spec}, style=PatchStyle.MERGE)

    async def patch_status(self, **canary: Any) -> None:
        """As the kubectl plugin does: a merge patch without a version."""
        body = {"status": {"canaryStatus": canary}}
        await self._client.patch(
            ROLLOUTS, self.namespace, self.name, body, style=PatchStyle.MERGE, subresource="status"
        )

    async def lose_status(self) -> None:
        """As a restored backup does, which has no statuses."""
        await self._client.patch(
            ROLLOUTS,
            self.namespace,
            self.name,
            [{"op": "replace", "path": "/status", "value": {}}],
            style=PatchStyle.JSON,
            subresource="status",
        )

    async def delete(self) -> None:
        found = await self.read()
        assert found is not None
        await self._client.delete(ROLLOUTS, self.namespace, self.name, uid=found["metadata"]["uid"])

    async def leave(self) -> None:
        """Nothing keeps the namespace from going once the operator is not there any more."""
        for resource in (ROLLOUTS, TRAFFIC_ROUTINGS):
            for name in [each["metadata"]["name"] for each in await self.found(resource)]:
                body = {"metadata": {"finalizers": None}}
                await self._client.patch(resource, self.namespace, name, body, style=PatchStyle.MERGE)

    # What the workload-controller says

    async def ask(self, rollout: str, tag: str) -> None:
        """The rollout of a change, as the standing guard wants it."""
        guard = await self.guard()
        assert isinstance(guard, GuardSet)
        wanted = replace(guard.request, rollout=rollout, change=image(tag), requested_by=guard.by)
        subject = subjects.requests("default", self.namespace)
        await jetstream.publish(self._user, subject, encode(wanted), {"Nats-Msg-Id": f"{self.namespace}-{rollout}"})

    # What is to be seen

    async def guard(self) -> Guard | None:
        message = await self._journal.last(GUARDS, subjects.guard(self.key))
        return decode_guard(message.payload) if message is not None else None

    async def decisions(self) -> list[Decision]:
        found = await self._journal.read(EVENTS, subjects.workload_events(self.key))
        events = [event_decoder.decode(message.payload) for message in found]
        return [event for event in events if isinstance(event, Decision)]

    async def read(self, name: str | None = None) -> dict[str, Any] | None:
        answer = await self._client.get(ROLLOUTS, self.namespace, name or self.name)
        return None if isinstance(answer, NotFound) else msgspec.json.decode(answer)

    async def apply(self, resource: Resource, body: dict[str, Any]) -> None:
        """Something else in the namespace."""
        await self._client.create(resource, self.namespace, body)

    async def found(self, resource: Resource) -> list[dict[str, Any]]:
        """What there is of another kind in the namespace."""
        page = await self._client.list_all(resource, self.namespace)
        return [msgspec.json.decode(raw) for raw in page.items]

    async def until_found(
        self, resource: Resource, condition: Callable[[list[dict[str, Any]]], bool], what: str
    ) -> list[dict[str, Any]]:
        """The first of which the condition is true."""
        found: list[dict[str, Any]] = []

        async def true() -> bool:
            found[:] = await self.found(resource)
            return condition(found)

        await self._until(true, what)
        return found

    async def until(self, condition: Callable[[Status], bool], what: str, *, name: str | None = None) -> Status:
        """The first status of which the condition is true; those before are noted in `seen`."""

        async def true() -> bool:
            found = await self.read(name)
            status = (found or {}).get("status", {})
            if not self.seen or self.seen[-1] != status:
                self.seen.append(status)
            return condition(status)

        await self._until(true, what)
        return self.seen[-1]

    async def until_guarded(self, condition: Callable[[Guard | None], bool], what: str) -> None:
        async def true() -> bool:
            return condition(await self.guard())

        await self._until(true, what)

    async def until_gone(self) -> None:
        async def gone() -> bool:
            return await self.read() is None

        await self._until(gone, "the Rollout is gone")

    async def _until(self, condition: Callable[[], Any], what: str) -> None:
        deadline_s = time.monotonic() + WITHIN_S
        while not await condition():
            found = await self.read()
            assert time.monotonic() < deadline_s, f"{what} did not come true: {(found or {}).get('status')}"
            await asyncio.sleep(POLL_PERIOD_S)

    def columns(self) -> list[str]:
        """What `kubectl get` prints of the Rollout, its header first."""
        return kubectl(self.sandbox, "get", "rollouts.rollouts.kruise.io", self.name, "-n", self.namespace).splitlines()


class Processes:
    """Copies of the services against one sandbox."""

    def __init__(self, sandbox: SandboxState, directory: Path) -> None:
        self._sandbox = sandbox
        self._directory = directory
        self._copies: list[Copy] = []

    async def start(self, *names: str, **settings: str) -> list[Copy]:
        """Each under its own identity, ready."""
        started = [await self._launch(name, settings) for name in names]
        for copy in started:
            await copy.until_ready()
        return started

    async def stop(self) -> None:
        for copy in self._copies:
            if copy.process.returncode is None:
                copy.process.terminate()
        for copy in self._copies:
            await asyncio.wait_for(copy.process.wait(), WITHIN_S)

    async def _launch(self, name: str, settings: dict[str, str]) -> Copy:
        port = free_port()
        environment = os.environ | {
            "TIDEGATE_NATS_URL": self._sandbox.nats_url,
            "TIDEGATE_NATS_USER": name,
            "TIDEGATE_NATS_PASSWORD": self._sandbox.nats_passwords[name],
            "TIDEGATE_KUBECONFIG": str(self._sandbox.kubeconfig_directory / f"{name}.yaml"),
            "TIDEGATE_HTTP_PORT": str(port),
            **settings,
        }
        log = self._directory / f"{name}-{len(self._copies)}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", MODULES[name], env=environment, stdout=output, stderr=output
            )
        self._copies.append(Copy(process, port, log))
        return self._copies[-1]


@asynccontextmanager
async def shop(sandbox: SandboxState, namespace: str, directory: Path) -> AsyncIterator[tuple[Shop, Processes]]:
    define(sandbox)
    async with AsyncExitStack() as stack:

        async def bus(user: str) -> Connection:
            password = sandbox.nats_passwords[user]
            made = connected(sandbox.nats_url, name=f"test-{user}", user=user, password=password)
            return await stack.enter_async_context(made)

        await topology.declare(await bus("deploy"))
        stack.push_async_callback(asyncio.sleep, SOCKETS_CLOSE_S)
        kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
        client = await stack.enter_async_context(await KubernetesClient.connect(kubeconfig, field_manager="user"))
        made = Shop(client, await bus("operator"), await bus("rollout-operator"), sandbox, namespace)
        stack.push_async_callback(made.leave)
        processes = Processes(sandbox, directory)
        stack.push_async_callback(processes.stop)
        yield made, processes

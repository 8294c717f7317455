"""One task per pod: it asks `lifecycle` what to do, does it, and waits for the pod or the clock to change.

`registry` starts one for each pod that is ours and ends it when the pod's object is gone.
"""

import asyncio
import contextlib
import logging
import time
from typing import Final

import msgspec
from msgspec.structs import replace

from tidegate_sandbox.podlet import lifecycle, status
from tidegate_sandbox.podlet.addresses import Addresses
from tidegate_sandbox.podlet.api import STRATEGIC_MERGE_PATCH, Api, RefusedError, UnreachableError
from tidegate_sandbox.podlet.behaviour import Behaviour
from tidegate_sandbox.podlet.http1 import HttpServer
from tidegate_sandbox.podlet.lifecycle import Observed, OpenServer, ServerKey
from tidegate_sandbox.podlet.placement import Placement
from tidegate_sandbox.podlet.pods import Pod, PodStatus
from tidegate_sandbox.podlet.site import PodSite
from tidegate_sandbox.podlet.telemetry import Telemetry

RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 5.0
NOT_FOUND: Final = 404
CONFLICT: Final = 409

log = logging.getLogger(__name__)


class World(msgspec.Struct, frozen=True):
    """What all pods share."""

    api: Api
    addresses: Addresses
    placement: Placement
    telemetry: Telemetry


class _StatusPatch(msgspec.Struct):
    """The uid makes the API server refuse it when the name belongs to another pod by now."""

    metadata: dict[str, str]
    status: PodStatus


class PodWorker:
    def __init__(self, pod: Pod, world: World) -> None:
        self._pod = pod
        self._world = world
        self._changed = asyncio.Event()
        self._gone = False
        self._servers: dict[ServerKey, HttpServer] = {}
        self._observed = self._adopted(pod)

    def _adopted(self, pod: Pod) -> Observed:
        observed = Observed()
        node = self._world.placement.nodes.get(pod.spec.node_name)
        if node is not None:
            self._world.placement.take(pod, node.name)
            observed = replace(observed, node=node.name, node_address=node.address)
        address = pod.status.pod_ip
        if address and self._world.addresses.adopt(pod.metadata.uid, address):
            observed = replace(observed, address=address)
        return observed

    @property
    def pod(self) -> Pod:
        return self._pod

    def update(self, pod: Pod) -> None:
        """A newer version of the pod, from the watch or from an answer to our own write."""
        if _is_newer(pod, self._pod):
            self._pod = pod
            self._changed.set()

    def wake(self) -> None:
        """Something outside the pod changed: decide again."""
        self._changed.set()

    async def run(self) -> None:
        """Until the pod is gone."""
        failures = 0
        try:
            while not self._gone:
                self._changed.clear()
                if self._is_on_a_lost_node():
                    self._fall_silent()
                    await self._changed.wait()
                    continue
                decision = lifecycle.decide(self._pod, self._observed, time.time())
                self._observed = decision.observed
                try:
                    for action in decision.actions:
                        await self._perform(action)
                except (RefusedError, UnreachableError) as error:
                    failures += 1
                    self._complain(error)
                    await self._wait(time.time() + min(RETRY_MAX_S, RETRY_FIRST_S * 2.0 ** min(failures, 10)))
                    continue
                failures = 0
                if not decision.actions:
                    await self._wait(decision.wake_at_s)
        finally:
            self._let_go()

    def end(self) -> None:
        """The pod's object is gone, and so is the pod; a request under way is not torn off for it."""
        self._gone = True
        self._abort_servers()
        self._changed.set()

    def _is_on_a_lost_node(self) -> bool:
        node = self._world.placement.nodes.get(self._observed.node)
        return node is not None and node.lost

    def _fall_silent(self) -> None:
        """Answer nobody and tell nothing; what ran goes on as it was when the node comes back."""
        self._abort_servers()
        self._servers.clear()
        self._observed = replace(self._observed, serving=frozenset())

    def _let_go(self) -> None:
        self._abort_servers()
        self._world.placement.release(self._pod.metadata.uid)
        self._world.addresses.release(self._pod.metadata.uid, self._observed.address)

    def _abort_servers(self) -> None:
        for server in self._servers.values():
            server.abort()

    def _complain(self, error: RefusedError | UnreachableError) -> None:
        expected = isinstance(error, RefusedError) and error.code in {NOT_FOUND, CONFLICT}
        level = logging.DEBUG if expected else logging.WARNING
        log.log(level, "pod %s/%s: %s", self._pod.metadata.namespace, self._pod.metadata.name, error)

    async def _wait(self, wake_at_s: float | None) -> None:
        timeout_s = None if wake_at_s is None else max(0.0, wake_at_s - time.time())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()

    async def _perform(self, action: lifecycle.Action) -> None:
        try:
            await self._do(action)
        except (RefusedError, UnreachableError):
            self._world.telemetry.failures.labels(type(action).__name__).inc()
            raise

    async def _do(self, action: lifecycle.Action) -> None:
        match action:
            case lifecycle.Bind():
                await self._bind()
            case lifecycle.TakeAddress():
                address = self._world.addresses.take(self._pod.metadata.uid)
                self._observed = replace(self._observed, address=address)
            case lifecycle.OpenServer():
                await self._open(action)
            case lifecycle.CrashServer(key):
                self._servers.pop(key).abort()
                self._observed = replace(self._observed, serving=self._observed.serving - {key})
            case lifecycle.DrainServers():
                for server in self._servers.values():
                    server.drain()
            case lifecycle.StopServers(deadline_s):
                await self._stop(deadline_s)
            case lifecycle.WriteStatus(wanted):
                await self._write_status(wanted)
            case lifecycle.RemovePod():
                await self._remove()

    async def _bind(self) -> None:
        node = self._world.placement.choose(self._pod)
        if node is None:
            await self._say_unschedulable()
            return
        metadata = self._pod.metadata
        self._world.placement.take(self._pod, node.name)
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": metadata.name, "uid": metadata.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node.name},
        }
        try:
            await self._world.api.create(f"{self._path()}/binding", msgspec.json.encode(body))
        except (RefusedError, UnreachableError):
            self._world.placement.release(metadata.uid)
            raise
        self._observed = replace(self._observed, node=node.name, node_address=node.address)

    async def _say_unschedulable(self) -> None:
        wanted = status.unschedulable(self._pod, time.time())
        if status.differs(wanted, self._pod.status):
            await self._write_status(wanted)
        raise RefusedError(CONFLICT, "no node fits")

    async def _open(self, action: OpenServer) -> None:
        server = HttpServer(PodSite(self._pod.metadata.name, action.behaviour))
        try:
            await server.open(self._observed.address, action.ports)
        except OSError as error:
            policy = self._pod.spec.restart_policy
            message = f"cannot listen on {self._observed.address}: {error}"
            self._observed = lifecycle.cannot_open(self._observed, action.key, message, policy, time.time())
            return
        self._servers[action.key] = server
        self._observed = replace(self._observed, serving=self._observed.serving | {action.key})

    async def _stop(self, deadline_s: float) -> None:
        timeout_s = max(0.0, deadline_s - time.time())
        await asyncio.gather(*(server.stop(timeout_s) for server in self._servers.values()))
        self._servers.clear()
        self._observed = replace(self._observed, serving=frozenset())

    async def _write_status(self, wanted: PodStatus) -> None:
        was_ready = self._pod.status.is_ready()
        patch = _StatusPatch(metadata={"uid": self._pod.metadata.uid}, status=wanted)
        answer = await self._world.api.patch(
            f"{self._path()}/status", msgspec.json.encode(patch), STRATEGIC_MERGE_PATCH
        )
        written = msgspec.json.decode(answer, type=Pod)
        self.update(written)
        if status.differs(wanted, written.status):
            # Told once more it would do the same: without a pause we would ask for ever.
            raise RefusedError(CONFLICT, f"the API server made another status of ours: {written.status}")
        if wanted.is_ready() and not was_ready:
            self._observe_lag()

    def _observe_lag(self) -> None:
        behaviours = [run.behaviour for run in self._observed.runs]
        if self._pod.spec.readiness_gates or any(
            not isinstance(behaviour, Behaviour) or behaviour.flap_s is not None for behaviour in behaviours
        ):
            return
        due_s = max(
            run.started_at_s + run.behaviour.ready_after_s
            for run in self._observed.runs
            if isinstance(run.behaviour, Behaviour) and run.behaviour.ready_after_s is not None
        )
        self._world.telemetry.ready_lag_s.observe(time.time() - due_s)

    async def _remove(self) -> None:
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self._pod.metadata.uid}}
        try:
            await self._world.api.delete(self._path(), msgspec.json.encode(body))
        except RefusedError as error:
            # Gone already, or the name is another pod's by now: both are what we wanted.
            if error.code not in {NOT_FOUND, CONFLICT}:
                raise
        self._observed = replace(self._observed, removed=True)

    def _path(self) -> str:
        return f"/api/v1/namespaces/{self._pod.metadata.namespace}/pods/{self._pod.metadata.name}"


def _is_newer(pod: Pod, held: Pod) -> bool:
    theirs, ours = pod.metadata.resource_version, held.metadata.resource_version
    if theirs.isdigit() and ours.isdigit():
        return int(theirs) > int(ours)
    return theirs != ours

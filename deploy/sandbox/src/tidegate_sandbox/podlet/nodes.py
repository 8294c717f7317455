"""The simulated nodes: registered, kept Ready, and their leases renewed, so that no controller evicts their pods.

`app` registers them before the first pod is bound and runs `keep` beside a watch of them, which tells of cordons,
taints, and of nodes that shall be lost: those say nothing more, and the pods on them fall silent.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from tidegate_sandbox.podlet.api import MERGE_PATCH, STRATEGIC_MERGE_PATCH, Api, RefusedError, UnreachableError
from tidegate_sandbox.podlet.placement import Node, Placement, Taint
from tidegate_sandbox.podlet.pods import Metadata, timestamp

HEARTBEAT_S: Final = 10.0
LEASE_DURATION_S: Final = 40
STATUS_EVERY_S: Final = 300.0
RETRY_S: Final = 0.5
LOST: Final = "tidegate.dev/lost"
"""The annotation by which people and tests lose a node ("true") and find it again (taken away)."""
CORDONED: Final = Taint("node.kubernetes.io/unschedulable", "NoSchedule")
NODES_PATH: Final = "/api/v1/nodes"
NOT_FOUND: Final = 404
ALREADY_EXISTS: Final = 409
VERSION: Final = "v1.36.3+podlet"
LEASES_PATH: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
HEALTHY: Final = {
    "Ready": ("True", "KubeletReady"),
    "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID"),
}

log = logging.getLogger(__name__)


class _Condition(msgspec.Struct):
    type: str
    status: str


class _Spec(msgspec.Struct):
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class _Status(msgspec.Struct):
    conditions: tuple[_Condition, ...] = ()


class NodeObject(msgspec.Struct):
    metadata: Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


def simulated_nodes(count: int, addresses: list[str]) -> tuple[Node, ...]:
    """`node-1` and so on, each in a zone of its own up to three."""
    return tuple(
        Node(
            name=f"node-{index + 1}",
            address=addresses[index],
            labels={
                "kubernetes.io/hostname": f"node-{index + 1}",
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/region": "sandbox",
                "topology.kubernetes.io/zone": f"zone-{'abc'[index % 3]}",
                "tidegate.dev/podlet": "true",
            },
        )
        for index in range(count)
    )


class NodeKeeper:
    """`changed` is called when pods have to look at their nodes again."""

    def __init__(self, api: Api, placement: Placement, heartbeat_s: float) -> None:
        self._api = api
        self._placement = placement
        self._heartbeat_s = heartbeat_s
        self._status_written_at_s: dict[str, float] = {}
        self._seen: dict[str, Metadata] = {}
        self.changed: Callable[[], None] = lambda: None

    async def register(self) -> None:
        """All nodes Ready, as soon as the API server lets us."""
        while True:
            try:
                await self._beat_all()
            except (RefusedError, UnreachableError) as error:
                log.warning("the nodes are not registered yet: %s", error)
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                await self._beat_all()
            except (RefusedError, UnreachableError) as error:
                log.warning("a heartbeat is late: %s", error)

    async def _beat_all(self) -> None:
        results = await asyncio.gather(
            *(self._beat(node) for node in tuple(self._placement.nodes.values())), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def seen(self, found: NodeObject) -> None:
        """From the watch, and from our own reads and writes."""
        before, seen = self._placement.nodes.get(found.metadata.name), self._seen.get(found.metadata.name)
        if before is None or (seen is not None and int(seen.resource_version) > int(found.metadata.resource_version)):
            return
        self._seen[before.name] = found.metadata
        now = replace(before, taints=_taints_of(found), lost=found.metadata.annotations.get(LOST) == "true")
        if now != before:
            self._placement.nodes[now.name] = now
            self.changed()

    def gone(self, uid: str) -> None:
        """A lost node whose object was deleted stays lost; any other registers again at its next heartbeat."""
        self._seen = {name: metadata for name, metadata in self._seen.items() if metadata.uid != uid}

    def known_uids(self) -> frozenset[str]:
        return frozenset(metadata.uid for metadata in self._seen.values())

    async def _beat(self, node: Node) -> None:
        if node.lost:
            return
        found = await self._read_or_create(node)
        self.seen(found)
        if self._placement.nodes[node.name].lost:
            return
        await self._renew_lease(node)
        ready = any(condition.type == "Ready" and condition.status == "True" for condition in found.status.conditions)
        written_at_s = self._status_written_at_s.get(node.name)
        if not ready or written_at_s is None or time.monotonic() > written_at_s + STATUS_EVERY_S:
            await self._write_status(node)
            self._status_written_at_s[node.name] = time.monotonic()

    async def _read_or_create(self, node: Node) -> NodeObject:
        path = f"{NODES_PATH}/{node.name}"
        try:
            answer = await self._api.get(path)
        except RefusedError as error:
            if error.code != NOT_FOUND:
                raise
            body = {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": node.name, "labels": node.labels},
                # Ready from its first moment, as a kubelet registers: nobody shall see a node that is not.
                "status": node_status(node, time.time()),
            }
            answer = await self._api.create(NODES_PATH, msgspec.json.encode(body))
        return msgspec.json.decode(answer, type=NodeObject)

    async def _write_status(self, node: Node) -> None:
        body = msgspec.json.encode({"status": node_status(node, time.time())})
        await self._api.patch(f"{NODES_PATH}/{node.name}/status", body, STRATEGIC_MERGE_PATCH)

    async def _renew_lease(self, node: Node) -> None:
        spec = {
            "holderIdentity": node.name,
            "leaseDurationSeconds": LEASE_DURATION_S,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        try:
            body = msgspec.json.encode({"spec": spec})
            await self._api.patch(f"{LEASES_PATH}/{node.name}", body, MERGE_PATCH)
        except RefusedError as error:
            if error.code != NOT_FOUND:
                raise
            await self._create_lease(node, spec)

    async def _create_lease(self, node: Node, spec: dict[str, Any]) -> None:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": node.name},
            "spec": spec,
        }
        try:
            await self._api.create(LEASES_PATH, msgspec.json.encode(lease))
        except RefusedError as error:
            if error.code != ALREADY_EXISTS:
                raise


def _taints_of(found: NodeObject) -> tuple[Taint, ...]:
    """Its taints, and the one of a cordon, which a controller adds only a moment later."""
    cordoned = found.spec.unschedulable and all(taint.key != CORDONED.key for taint in found.spec.taints)
    return (*found.spec.taints, CORDONED) if cordoned else found.spec.taints


def node_status(node: Node, now_s: float) -> dict[str, Any]:
    """A healthy node with room for every pod of the sandbox."""
    at = timestamp(now_s)
    room = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "2000"}
    return {
        "capacity": room,
        "allocatable": room,
        "addresses": [{"type": "InternalIP", "address": node.address}, {"type": "Hostname", "address": node.name}],
        "conditions": [
            {"type": kind, "status": value, "reason": reason, "lastHeartbeatTime": at, "lastTransitionTime": at}
            for kind, (value, reason) in HEALTHY.items()
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "operatingSystem": "linux",
            "kubeletVersion": VERSION,
            "kubeProxyVersion": "",
            "containerRuntimeVersion": "podlet://1",
            "osImage": "simulated by tidegate's podlet",
            "kernelVersion": "",
            "bootID": "",
            "machineID": "",
            "systemUUID": "",
        },
    }

"""The simulated nodes: registered, kept Ready, and their leases renewed, so that no controller evicts their pods.

`app` registers them before the first pod is bound and runs `keep` beside the watch.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from tidegate_sandbox.podlet.api import MERGE_PATCH, STRATEGIC_MERGE_PATCH, Api, RefusedError, UnreachableError
from tidegate_sandbox.podlet.placement import Node, Placement
from tidegate_sandbox.podlet.pods import timestamp

HEARTBEAT_S: Final = 10.0
LEASE_DURATION_S: Final = 40
STATUS_EVERY_S: Final = 300.0
RETRY_S: Final = 0.5
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


class _Status(msgspec.Struct):
    conditions: tuple[_Condition, ...] = ()


class _NodeObject(msgspec.Struct):
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
    def __init__(self, api: Api, placement: Placement) -> None:
        self._api = api
        self._placement = placement
        self._status_written_at_s: dict[str, float] = {}

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
            await asyncio.sleep(HEARTBEAT_S)
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

    async def _beat(self, node: Node) -> None:
        await self._renew_lease(node)
        found = await self._read_or_create(node)
        self._placement.nodes[node.name] = replace(node, open=not found.spec.unschedulable)
        ready = any(condition.type == "Ready" and condition.status == "True" for condition in found.status.conditions)
        written_at_s = self._status_written_at_s.get(node.name)
        if not ready or written_at_s is None or time.monotonic() > written_at_s + STATUS_EVERY_S:
            await self._write_status(node)
            self._status_written_at_s[node.name] = time.monotonic()

    async def _read_or_create(self, node: Node) -> _NodeObject:
        path = f"/api/v1/nodes/{node.name}"
        try:
            answer = await self._api.get(path)
        except RefusedError as error:
            if error.code != NOT_FOUND:
                raise
            body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name, "labels": node.labels}}
            answer = await self._api.create("/api/v1/nodes", msgspec.json.encode(body))
        return msgspec.json.decode(answer, type=_NodeObject)

    async def _write_status(self, node: Node) -> None:
        body = msgspec.json.encode({"status": node_status(node, time.time())})
        await self._api.patch(f"/api/v1/nodes/{node.name}/status", body, STRATEGIC_MERGE_PATCH)

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

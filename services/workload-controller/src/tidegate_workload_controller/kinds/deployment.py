"""Deployments: who is woken by which change, and one `HeldDeployment` per workload in our hands.

Registered as `deployment.apps`. What to do is decided by `convergence` and `release`; `kinds.reading` reads a
Deployment with all that belongs to it, `kinds.writing` patches it, `kinds.preparing` tries a change.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload, ReleaseWorkload
from tidegate_workload_controller import convergence, release
from tidegate_workload_controller.actions import Action, Decision
from tidegate_workload_controller.kinds.preparing import prepare
from tidegate_workload_controller.kinds.protocol import Ensure, HeldWorkload, Prepared
from tidegate_workload_controller.kinds.reading import Reading, essence, read_live
from tidegate_workload_controller.kinds.writing import Writer
from tidegate_workload_controller.marks import POD_TEMPLATE_HASH
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.seen import Deployment, LabelSelector, Pod, ReplicaSet, View

FRESH_S: Final = 0.5
"""A live view this young stays live as long as the watches show nothing else: the next order of a step that was just
reported as ready needs no other one. The patch is tied to the generation anyway."""

KEPT_MAX: Final = 500
"""Deployments that are remembered between two orders; what is forgotten is only read again."""

OWNER: Final = "owner"
UID: Final = "uid"


class Deployments:
    """All Deployments of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.client: KubernetesClient = cluster.client
        self._deployments = cluster.follow(DEPLOYMENTS, Deployment)
        self._replica_sets = cluster.follow(
            REPLICA_SETS, ReplicaSet, label_selector=POD_TEMPLATE_HASH, indexes={OWNER: _owner, UID: _uid}
        )
        self._pods = cluster.follow(PODS, Pod, label_selector=POD_TEMPLATE_HASH, indexes={OWNER: _owner})
        self._open: dict[tuple[str, str], HeldDeployment] = {}
        self._deployments.subscribe(self._on_deployment)
        self._replica_sets.subscribe(self._on_replica_set)
        self._pods.subscribe(self._on_pod)

    def open(self, namespace: str, name: str) -> HeldWorkload:
        held = self._open.pop((namespace, name), None) or HeldDeployment(self, namespace, name)
        self._open[namespace, name] = held
        held.orders += 1
        return held

    def forget_idle(self) -> None:
        """Drop what has been idle for longest, beyond what is worth keeping."""
        idle = [key for key, held in self._open.items() if held.orders == 0]
        for key in idle[: max(len(idle) - KEPT_MAX, 0)]:
            del self._open[key]

    def cached(self, namespace: str, name: str) -> tuple[Deployment, list[ReplicaSet], list[Pod]] | None:
        deployment = self._deployments.store.get(namespace, name)
        if deployment is None:
            return None
        replica_sets = self._replica_sets.store.by_index(OWNER, deployment.metadata.uid)
        pods = [pod for each in replica_sets for pod in self._pods.store.by_index(OWNER, each.metadata.uid)]
        return deployment, replica_sets, pods

    def _on_deployment(self, old: Deployment | None, new: Deployment | None) -> None:
        seen = new or old
        if seen is not None:
            self._wake(seen.metadata.namespace, seen.metadata.name)

    def _on_replica_set(self, old: ReplicaSet | None, new: ReplicaSet | None) -> None:
        seen = new or old
        if seen is not None:
            for owner in seen.metadata.owner_references:
                self._wake(seen.metadata.namespace, owner.name)

    def _on_pod(self, old: Pod | None, new: Pod | None) -> None:
        seen = new or old
        if seen is not None:
            for owner in self._replica_sets.store.by_index(UID, seen.metadata.controller_uid or ""):
                self._on_replica_set(owner, owner)

    def _wake(self, namespace: str, name: str) -> None:
        held = self._open.get((namespace, name))
        if held is not None:
            held.wake()


class HeldDeployment:
    """One Deployment in our hands: what was read of it, and its changes."""

    def __init__(self, kind: Deployments, namespace: str, name: str) -> None:
        self.changed = asyncio.Event()
        self.orders = 0
        self._kind = kind
        self._namespace = namespace
        self._name = name
        self._reading = Reading()
        self._writer = Writer(kind.client, namespace, name)
        self._fresh: tuple[View, float] | None = None
        self._selector: LabelSelector | None = None

    def wake(self) -> None:
        self.changed.set()

    async def prepare(self, order: PrepareWorkload, *, patient: bool, now_s: float) -> Prepared:
        view = await self.look_live()
        return await prepare(self._kind.client, order, view, self._reading.template, patient=patient, now_s=now_s)

    def look(self) -> View | None:
        cached = self._kind.cached(self._namespace, self._name)
        if cached is None:
            return None
        view = self._reading.view(*cached, live=False)
        if self._fresh is None:
            return view
        live, read_s = self._fresh
        return live if time.monotonic() - read_s < FRESH_S and essence(view) == essence(live) else view

    async def look_live(self) -> View | None:
        view = await read_live(self._kind.client, self._namespace, self._name, self._reading, self._selector)
        self._selector = view.deployment.spec.selector if view is not None else None
        self._fresh = (view, time.monotonic()) if view is not None else None
        return view

    def remember(self, order: ApplyBatch | ReleaseWorkload) -> Memory | ReleaseMemory:
        return Memory() if isinstance(order, ApplyBatch) else ReleaseMemory()

    def decide(
        self, order: ApplyBatch | ReleaseWorkload, view: View | None, memory: Memory | ReleaseMemory, now_s: float
    ) -> Decision[Memory] | Decision[ReleaseMemory]:
        if isinstance(order, ApplyBatch):
            assert isinstance(memory, Memory), "as it was remembered"
            return convergence.decide(order, view, memory, now_s)
        assert isinstance(memory, ReleaseMemory), "as it was remembered"
        return release.decide(order, view, memory, now_s)

    async def carry_out(self, action: Action, view: View, ensure: Ensure) -> None:
        self._fresh = None
        answer = await self._writer.write(action, view, self._reading, ensure)
        if answer is not None:
            self._reading.take(answer)

    def close(self) -> None:
        self.orders -= 1
        self._kind.forget_idle()


def _owner(seen: KubernetesObject) -> Iterable[str]:
    owner = seen.metadata.controller_uid
    return (owner,) if owner is not None else ()


def _uid(seen: KubernetesObject) -> Iterable[str]:
    return (seen.metadata.uid,)

"""Deployments: what belongs to them, and who is woken by which change. Registered as `deployment.apps`.

The native controller keeps templates in ReplicaSets, and pods belong to these. What to do with one is in `held`.
"""

from collections.abc import Iterable
from typing import Final

from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.objects import KubernetesObject, says_the_same
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from tidegate_contracts.names import baseline_name
from tidegate_workload_controller.blue_green_hold import BlueGreenHold
from tidegate_workload_controller.budget_hold import BudgetHold
from tidegate_workload_controller.kinds.anatomy import Anatomy, Beside
from tidegate_workload_controller.kinds.held import Held, Opened
from tidegate_workload_controller.kinds.looking import Cached
from tidegate_workload_controller.kinds.protocol import HeldWorkload
from tidegate_workload_controller.kinds.revisioned import OWNER, owner_uid
from tidegate_workload_controller.marks import POD_TEMPLATE_HASH
from tidegate_workload_controller.seen import Pod, ReplicaSet, Workload

ANATOMY: Final = Anatomy(
    resource=DEPLOYMENTS,
    holds={"partition": BudgetHold(), "blue_green": BlueGreenHold()},
    beside=Beside(styles=("canary",), not_copied=("strategy", "paused", "progressDeadlineSeconds")),
    revisions=REPLICA_SETS,
    revision_label=POD_TEMPLATE_HASH,
)

UID: Final = "uid"


class Deployments:
    """All Deployments of a cluster."""

    anatomy = ANATOMY

    def __init__(self, cluster: Cluster) -> None:
        self._client = cluster.client
        self._deployments = cluster.follow(DEPLOYMENTS, Workload)
        self._replica_sets = cluster.follow(
            REPLICA_SETS, ReplicaSet, label_selector=POD_TEMPLATE_HASH, indexes={OWNER: owner_uid, UID: _uid}
        )
        self._pods = cluster.follow(PODS, Pod, label_selector=POD_TEMPLATE_HASH, indexes={OWNER: owner_uid})
        self._opened = Opened(self._make)
        self._deployments.subscribe(self._on_deployment)
        self._replica_sets.subscribe(self._on_replica_set)
        self._pods.subscribe(self._on_pod)

    def open(self, namespace: str, name: str) -> HeldWorkload:
        return self._opened.open(namespace, name)

    def _make(self, namespace: str, name: str) -> Held:
        return Held(
            self._client,
            ANATOMY,
            namespace,
            name,
            cached=self._cached,
            synced=self._synced,
            closed=self._opened.forget_idle,
            baseline=self._baseline,
        )

    async def _synced(self) -> None:
        for each in (self._deployments, self._replica_sets, self._pods):
            await each.wait_synced()

    def _cached(self, namespace: str, name: str) -> Cached | None:
        deployment = self._deployments.store.get(namespace, name)
        if deployment is None:
            return None
        replica_sets = self._replica_sets.store.by_index(OWNER, deployment.metadata.uid)
        pods = [pod for each in replica_sets for pod in self._pods.store.by_index(OWNER, each.metadata.uid)]
        return deployment, [each.revision for each in replica_sets], pods

    def _baseline(self, namespace: str, name: str) -> ReplicaSet | None:
        return self._replica_sets.store.get(namespace, baseline_name(name))

    def _on_deployment(self, old: Workload | None, new: Workload | None) -> None:
        seen = new or old
        if seen is not None and not says_the_same(old, new):
            self._opened.wake(seen.metadata.namespace, seen.metadata.name)

    def _on_replica_set(self, old: ReplicaSet | None, new: ReplicaSet | None) -> None:
        seen = new or old
        if seen is not None and not says_the_same(old, new):
            self._wake_owners(seen)

    def _on_pod(self, old: Pod | None, new: Pod | None) -> None:
        seen = new or old
        if seen is not None and not says_the_same(old, new):
            for owner in self._replica_sets.store.by_index(UID, seen.metadata.controller_uid or ""):
                self._wake_owners(owner)

    def _wake_owners(self, replica_set: ReplicaSet) -> None:
        for owner in replica_set.metadata.owner_references:
            self._opened.wake(replica_set.metadata.namespace, owner.name)


def _uid(seen: KubernetesObject) -> Iterable[str]:
    return (seen.metadata.uid,)

"""Kinds whose pods belong to them directly and whose templates are kept in ControllerRevisions: all but the Deployment.

A built-in kind or a plugin gives its `Anatomy`; what to do with a workload is in `held`. A kind is followed only from
the first order on, so that one which the cluster doesn't serve costs nothing.
"""

from collections.abc import Iterable
from typing import Final

from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.objects import KubernetesObject, says_the_same
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import PODS
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.held import Held, Opened
from tidegate_workload_controller.kinds.looking import Cached
from tidegate_workload_controller.kinds.protocol import HeldWorkload
from tidegate_workload_controller.seen import Pod, Workload

OWNER: Final = "owner"


class Revisioned:
    """All workloads of one kind in a cluster; a subclass names its anatomy, or it is given."""

    anatomy: Anatomy

    def __init__(self, cluster: Cluster, anatomy: Anatomy | None = None) -> None:
        if anatomy is not None:
            self.anatomy = anatomy
        self._cluster = cluster
        self._opened = Opened(self._make)
        self._followed: tuple[Reflector[Workload], Reflector[Pod]] | None = None

    def open(self, namespace: str, name: str) -> HeldWorkload:
        return self._opened.open(namespace, name)

    def _make(self, namespace: str, name: str) -> Held:
        return Held(
            self._cluster.client,
            self.anatomy,
            namespace,
            name,
            cached=self._cached,
            synced=self._synced,
            closed=self._opened.forget_idle,
        )

    def _follow(self) -> tuple[Reflector[Workload], Reflector[Pod]]:
        if self._followed is None:
            workloads = self._cluster.follow(self.anatomy.resource, Workload)
            labelled = self.anatomy.revision_label
            pods = self._cluster.follow(PODS, Pod, label_selector=labelled, indexes={OWNER: owner_uid})
            workloads.subscribe(self._on_workload)
            pods.subscribe(self._on_pod)
            self._followed = (workloads, pods)
        return self._followed

    async def _synced(self) -> None:
        for each in self._follow():
            await each.wait_synced()

    def _cached(self, namespace: str, name: str) -> Cached | None:
        workloads, pods = self._follow()
        workload = workloads.store.get(namespace, name)
        if workload is None:
            return None
        return workload, [], list(pods.store.by_index(OWNER, workload.metadata.uid))

    def _on_workload(self, old: Workload | None, new: Workload | None) -> None:
        seen = new or old
        if seen is not None and not says_the_same(old, new):
            self._opened.wake(seen.metadata.namespace, seen.metadata.name)

    def _on_pod(self, old: Pod | None, new: Pod | None) -> None:
        seen = new or old
        if seen is not None and not says_the_same(old, new):
            for owner in seen.metadata.owner_references:
                if owner.controller:
                    self._opened.wake(seen.metadata.namespace, owner.name)


def owner_uid(seen: KubernetesObject) -> Iterable[str]:
    owner = seen.metadata.controller_uid
    return (owner,) if owner is not None else ()

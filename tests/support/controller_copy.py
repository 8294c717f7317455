"""A copy of the workload-controller without its bus: its client, its caches and its kinds, as `app` composes them.

A rig of `support.workloads` has one of its own; the matrix plays all its cases with one, as a real copy holds many
workloads.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_contracts.facts import Fact
from tidegate_contracts.workload import WorkloadKey
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.app import load_kinds
from tidegate_workload_controller.catalogue import Catalogue
from tidegate_workload_controller.kinds.like import StatefulSetLikes
from tidegate_workload_controller.marks import FIELD_MANAGER

SYNCED_WITHIN_S: Final = 30.0


class ControllerCopy(NamedTuple):
    client: KubernetesClient
    kinds: Catalogue
    kubeconfig: str
    has_plugins: bool


@asynccontextmanager
async def controller_copy(sandbox: SandboxState, *, has_plugins: bool = True) -> AsyncIterator[ControllerCopy]:
    """One under its own identity, with its caches full.

    Args:
        sandbox: Where it runs.
        has_plugins: Whether any kind is installed; to one without, every workload is like a StatefulSet or none.
    """
    kubeconfig = str(sandbox.kubeconfig_directory / "workload-controller.yaml")
    async with copy_with(kubeconfig, has_plugins=has_plugins) as copy:
        yield copy


@asynccontextmanager
async def copy_with(kubeconfig: str, *, has_plugins: bool) -> AsyncIterator[ControllerCopy]:
    """The same, by the file that says where and who."""
    async with await KubernetesClient.connect(kubeconfig, field_manager=FIELD_MANAGER) as client:
        cluster = Cluster(client)
        kinds = load_kinds(cluster) if has_plugins else Catalogue({}, StatefulSetLikes(cluster), client)
        async with cluster.followed():
            await asyncio.wait_for(cluster.wait_synced(), SYNCED_WITHIN_S)
            yield ControllerCopy(client, kinds, kubeconfig, has_plugins)


class Notes:
    """In the place of the Publisher: what would have been published."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.telemetry: list[Any] = []

    async def report(self, key: WorkloadKey, fact: Fact, *, cause: str = "", id: str | None = None) -> int:  # noqa: A002, ARG002
        self.facts.append(fact)
        return len(self.facts)

    async def observe(self, key: WorkloadKey, rollout: str, telemetry: Any) -> None:  # noqa: ARG002
        self.telemetry.append(telemetry)

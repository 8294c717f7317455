"""`python -m tidegate_workload_controller give-back`: every workload that carries our marks is given back, and no more.

Called by `app` where Tidegate is removed while rollouts may be in flight. What was done to a workload stands on the
workload itself, so neither the bus nor the orchestrator is needed; `release` does it, as it does for an order.
"""

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.unattended import Heard, Release, give_back
from tidegate_contracts.orders import ReleaseWorkload
from tidegate_contracts.rollout import style_named
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_workload_controller import marks
from tidegate_workload_controller.catalogue import Catalogue
from tidegate_workload_controller.holder import WorkloadHolder
from tidegate_workload_controller.seen import Workload

_log = structlog.get_logger(__name__)


async def give_all_back(
    cluster: Cluster,
    kinds: Catalogue,
    further: tuple[tuple[str, str], ...],
    *,
    restore: bool,
    clock: Clock,
    wait_s: float,
) -> list[str]:
    """What could not be given back, a line each.

    Args:
        cluster: Where workloads are.
        kinds: Those that are looked for.
        further: API version and kind of others, such as custom resources without a plugin.
        restore: Whether the stable version comes back; otherwise each goes on to the version that its template has.
        clock: The time.
        wait_s: How long for each.
    """
    resources = await kinds.served()
    for api_version, kind in further:
        found = await cluster.client.discover(api_version, kind)
        if isinstance(found, NotFound):
            return [f"{api_version} {kind} is not served by the cluster"]
        resources.append(found)
    releases = [each for resource in resources for each in await _held(cluster.client, resource, restore=restore)]
    _log.info("found", workloads=[str(each.key) for each in releases])
    heard = Heard()
    async with cluster.followed():
        left = await give_back(WorkloadHolder(kinds, heard, clock), heard, releases, clock=clock, timeout_s=wait_s)
    for resource in resources:
        await _unguard(cluster.client, resource)
    return left


async def _held(client: KubernetesClient, resource: Resource, *, restore: bool) -> list[Release]:
    page = await client.list_all(resource)
    workloads = [decode(raw, Workload) for raw in page.items]
    return [_release(each, resource, restore=restore) for each in workloads if each.is_marked]


async def _unguard(client: KubernetesClient, resource: Resource) -> None:
    """No webhook of ours is asked about these workloads any more."""
    page = await client.list_all(resource, label_selector=marks.GUARDED)
    for raw in page.items:
        metadata = decode(raw, Workload).metadata
        gone = {"labels": {marks.GUARDED: None}, "annotations": {marks.FAILED: None}}
        body = {"metadata": {"uid": metadata.uid, **gone}}
        await client.patch(resource, metadata.namespace, metadata.name, body, style=PatchStyle.MERGE)


def _release(workload: Workload, resource: Resource, *, restore: bool) -> Release:
    metadata = workload.metadata
    reference = WorkloadReference(name=metadata.name, kind=resource.kind, api_version=resource.api_version)
    order = ReleaseWorkload(
        rollout=metadata.annotations.get(marks.ROLLOUT, ""),
        revision=workload.fence,
        workload=reference,
        mode="restore" if restore else "let_go",
        stable_revision=metadata.annotations.get(marks.STABLE_REVISION),
        style=style_named(metadata.annotations.get(marks.STYLE, "")),
    )
    return Release(WorkloadKey.of("", metadata.namespace, reference), order)

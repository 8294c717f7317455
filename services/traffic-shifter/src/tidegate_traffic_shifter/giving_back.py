"""`python -m tidegate_traffic_shifter give-back`: all routes and Services that carry our marks, as they were before.

Called by `app` where Tidegate is removed while rollouts may be in flight. What was done to a route or a Service stands
on the object itself, so neither the bus nor the orchestrator is needed; `release` does it, as it does for an order.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.unattended import Heard, Release, give_back
from tidegate_contracts.orders import ReleaseTraffic
from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_traffic_shifter import pins
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.holder import TrafficHolder
from tidegate_traffic_shifter.marks import Marks
from tidegate_traffic_shifter.router import Marked, Router
from tidegate_traffic_shifter.seen import Service
from tidegate_traffic_shifter.services import Services

NO_SUCH: Final = ".none"
"""No Service's name has a dot: one that is only pinned, or only the canary's, has no other beside it."""

_log = structlog.get_logger(__name__)
Holders = dict[tuple[str, str], list[TrafficReference]]
"""By namespace and what the marks call the workload: its routes."""


async def give_all_back(
    cluster: WakingCluster, services: Services, routers: Mapping[str, Router], *, clock: Clock, wait_s: float
) -> list[str]:
    """What could not be given back, a line each."""
    routes = [(name, marked) for name, router in routers.items() for marked in await router.marked()]
    releases = found(routes, await services.marked())
    _log.info("found", workloads=[str(each.key) for each in releases])
    heard = Heard()
    holder = TrafficHolder(cluster, services, routers, heard, clock)
    async with cluster.followed():
        return await give_back(holder, heard, releases, clock=clock, timeout_s=wait_s)


def found(routes: Iterable[tuple[str, Marked]], services: Iterable[tuple[Service, Marks]]) -> list[Release]:
    """One release for each workload; pure.

    Args:
        routes: Marked ones, each with its router's name.
        services: Marked ones; a stable Service is pinned before any route is written, and left last.
    """
    held: Holders = {}
    revisions: dict[tuple[str, str], int] = {}
    for router, marked in routes:
        holder = (marked.namespace, marked.marks.held_for)
        reference = TrafficReference(
            route=marked.route,
            service=marked.service,
            canary_service=marked.canary_service,
            router=router,
            kind=marked.kind,
            api_version=marked.api_version,
        )
        held.setdefault(holder, []).append(reference)
        revisions[holder] = max(revisions.get(holder, 0), marked.marks.revision)
    for service, marks in services:
        holder = (service.metadata.namespace, marks.held_for)
        revisions[holder] = max(revisions.get(holder, 0), marks.revision)
        known = held.setdefault(holder, [])
        if service.metadata.name not in {name for each in known for name in (each.service, each.canary_service)}:
            known.append(_alone(service))
    return [_release(holder, tuple(references), revisions[holder]) for holder, references in held.items()]


def _alone(service: Service) -> TrafficReference:
    """No route is marked: one of any name has nothing of ours, and nothing is done to it."""
    name = service.metadata.name
    if pins.is_ours(service):
        return TrafficReference(route=name, service=f"{name}{NO_SUCH}", canary_service=name)
    return TrafficReference(route=name, service=name, canary_service=f"{name}{NO_SUCH}")


def _release(holder: tuple[str, str], references: tuple[TrafficReference, ...], revision: int) -> Release:
    namespace, held_for = holder
    kind, _, name = held_for.rpartition("/")
    order = ReleaseTraffic(rollout="", revision=revision, workload=WorkloadReference(name=name), traffic=references)
    return Release(WorkloadKey("", namespace, kind, name), order)

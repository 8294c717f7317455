"""Every guarded workload in our care: one task for each guard, started, replaced and ended as guards come and go.

Run by `app`. The admission webhook asks `watched` here, so that a workload is held only while its ward would also take
the change up. A guard of a kind that the cluster doesn't serve waits until it does.
"""

import asyncio
from typing import Any, Final

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.publish import Asking
from tidegate_contracts.guards import Guard, GuardRemoved, GuardSet
from tidegate_contracts.problem import Problem
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_workload_controller.catalogue import Catalogue
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.seen import Workload
from tidegate_workload_controller.warding import Ward

UNSERVED_RETRY_S: Final = 10.0

_log = structlog.get_logger(__name__)


class Wards:
    """A worker.

    Args:
        cluster: Where workloads are.
        kinds: What they are made of.
        asking: Where requests and controls go.
        clock: The time.
    """

    def __init__(self, cluster: Cluster, kinds: Catalogue, asking: Asking, clock: Clock) -> None:
        self._cluster = cluster
        self._kinds = kinds
        self._asking = asking
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[WorkloadKey, Guard]] = asyncio.Queue()
        self._tasks: dict[WorkloadKey, asyncio.Task[Any]] = {}
        self._watched: dict[WorkloadKey, tuple[GuardSet, Anatomy]] = {}
        self._kept: dict[tuple[Resource, str, str], Ward] = {}
        """By resource, namespace and name: who is woken by a change."""
        self._followed: set[Resource] = set()

    def __repr__(self) -> str:
        return "the guarded workloads"

    def watched(self, key: WorkloadKey) -> tuple[GuardSet, Anatomy] | None:
        """The workload's guard, and what its kind is made of."""
        return self._watched.get(key)

    def changed(self, key: WorkloadKey, guard: Guard) -> None:
        self._waiting.put_nowait((key, guard))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                key, guard = await self._waiting.get()
                self._watched.pop(key, None)
                former = self._tasks.pop(key, None)
                if former is not None:
                    former.cancel()
                self._tasks[key] = group.create_task(self._look_after(key, guard), name=f"the ward {key}")

    async def stop(self) -> None:
        """There is nothing to hand over: other copies look after the same workloads."""

    async def _look_after(self, key: WorkloadKey, guard: Guard) -> None:
        anatomy = await self._anatomy(key, guard.about)
        ward = Ward(self._cluster.client, anatomy, key, self._asking, self._clock)
        if isinstance(guard, GuardRemoved):
            self._kept.pop((anatomy.resource, key.namespace, key.name), None)
            await ward.leave()
            if self._tasks.get(key) is asyncio.current_task():
                del self._tasks[key]
            return
        self._watched[key] = (guard, anatomy)
        self._kept[anatomy.resource, key.namespace, key.name] = ward
        await ward.keep(guard, self._follow(anatomy.resource))

    def _follow(self, resource: Resource) -> Reflector[Workload]:
        """One look at each change of a kind, however many of its workloads are guarded."""
        workloads = self._cluster.follow(resource, Workload)
        if resource not in self._followed:
            self._followed.add(resource)
            workloads.subscribe(lambda old, new: self._wake(resource, new or old))
        return workloads

    def _wake(self, resource: Resource, seen: Workload | None) -> None:
        ward = self._kept.get((resource, *seen.metadata.key)) if seen is not None else None
        if ward is not None:
            ward.wake()

    async def _anatomy(self, key: WorkloadKey, reference: WorkloadReference) -> Anatomy:
        """What the kind is made of, as soon as the cluster serves it."""
        while True:
            try:
                found = await self._kinds.anatomy(key, reference)
            except OperatingError as error:
                _log.warning("a guarded kind could not be looked up", workload=str(key), reason=error.reason)
            else:
                if not isinstance(found, Problem):
                    return found
                _log.warning("a guard can't be kept", workload=str(key), problem=str(found))
            await self._clock.sleep(UNSERVED_RETRY_S)

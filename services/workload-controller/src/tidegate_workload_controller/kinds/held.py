"""One workload in our hands: what was read of it, and its changes. The same for every kind.

Opened by a kind's module for one order at a time. What to do is decided by `convergence` and `release`; `reading` reads
a workload with all that belongs to it, `writing` patches it, `preparing` tries a change.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload, ReleaseWorkload
from tidegate_workload_controller import convergence, release
from tidegate_workload_controller.actions import Action, Decision
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.preparing import prepare
from tidegate_workload_controller.kinds.protocol import Ensure, Prepared
from tidegate_workload_controller.kinds.reading import Reading, essence, read_live
from tidegate_workload_controller.kinds.writing import Writer
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.seen import LabelSelector, Pod, Revision, View, Workload

FRESH_S: Final = 0.5
"""A live view this young stays live as long as the watches show nothing else: the next order of a step that was just
reported as ready needs no other one. The patch is tied to the generation anyway."""

KEPT_MAX: Final = 500
"""Workloads of a kind that are remembered between two orders; what is forgotten is only read again."""

Cached = tuple[Workload, list[Revision], list[Pod]]
"""A workload as the caches have it; no revisions where none are followed."""


class Held:
    """Args:
    client: How to reach the API server.
    anatomy: What the kind is made of.
    namespace: The workload's.
    name: The workload's.
    cached: Finds it in the caches.
    closed: Is told when an order has ended.
    """

    def __init__(
        self,
        client: KubernetesClient,
        anatomy: Anatomy,
        namespace: str,
        name: str,
        *,
        cached: Callable[[str, str], Cached | None],
        synced: Callable[[], Awaitable[None]],
        closed: Callable[[], None],
    ) -> None:
        self.changed = asyncio.Event()
        self.orders = 0
        self._client = client
        self._anatomy = anatomy
        self._namespace = namespace
        self._name = name
        self._synced = synced
        self._cached = cached
        self._closed = closed
        self._hold = anatomy.holds["partition"]
        self._reading = Reading(anatomy)
        self._writer = Writer(client, anatomy, namespace, name)
        self._fresh: tuple[View, float] | None = None
        self._selector: LabelSelector | None = None

    def wake(self) -> None:
        self.changed.set()

    async def synced(self) -> None:
        await self._synced()

    async def prepare(self, order: PrepareWorkload, *, patient: bool, now_s: float) -> Prepared:
        view = await self.look_live()
        return await prepare(
            self._client, self._anatomy, order, view, self._reading.template, patient=patient, now_s=now_s
        )

    def look(self) -> View | None:
        cached = self._cached(self._namespace, self._name)
        if cached is None:
            return None
        workload, revisions, pods = cached
        view = self._reading.view(workload, revisions or self._reading.revisions, pods, self._hold, live=False)
        if self._fresh is None:
            return view
        live, read_s = self._fresh
        return live if time.monotonic() - read_s < FRESH_S and essence(view) == essence(live) else view

    async def look_live(self) -> View | None:
        view = await read_live(
            self._client,
            self._namespace,
            self._name,
            reading=self._reading,
            hold=self._hold,
            selector=self._selector,
        )
        self._selector = view.workload.spec.selector if view is not None else None
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
        self._closed()


class Opened:
    """The workloads of one kind in our hands, by namespace and name."""

    def __init__(self, make: Callable[[str, str], Held]) -> None:
        self._make = make
        self._open: dict[tuple[str, str], Held] = {}

    def open(self, namespace: str, name: str) -> Held:
        held = self._open.pop((namespace, name), None) or self._make(namespace, name)
        self._open[namespace, name] = held
        held.orders += 1
        return held

    def wake(self, namespace: str, name: str) -> None:
        held = self._open.get((namespace, name))
        if held is not None:
            held.wake()

    def forget_idle(self) -> None:
        """Drop what has been idle for longest, beyond what is worth keeping."""
        idle = [key for key, held in self._open.items() if held.orders == 0]
        for key in idle[: max(len(idle) - KEPT_MAX, 0)]:
            del self._open[key]

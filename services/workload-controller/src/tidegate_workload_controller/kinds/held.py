"""One workload in our hands: what was read of it, and its changes. The same for every kind.

Opened by a kind's module for one order at a time, whose style says how it is held. What to do is decided by
`convergence` or `beside`, by `promotion` and `release`, and by `around` for what is not the workload itself; `looking`
reads it with all that belongs to it, `writing`, `beside` and `scaling` write, `preparing` tries a change.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.resources import REPLICA_SETS
from tidegate_contracts.facts import BatchStalled, WorkloadFact
from tidegate_contracts.orders import PrepareWorkload, PromoteWorkload, ReleaseWorkload
from tidegate_contracts.rollout import Style
from tidegate_workload_controller import backwards, beside, convergence, promotion, release
from tidegate_workload_controller.actions import Action, Decision, OnAutoscalers, OnBaseline, OnBeside, OnWorkload
from tidegate_workload_controller.around import after, before
from tidegate_workload_controller.baseline import with_baseline
from tidegate_workload_controller.extra import extra_name
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.baseline import Baseline
from tidegate_workload_controller.kinds.beside import BesideWriter
from tidegate_workload_controller.kinds.looking import Cached, Looking
from tidegate_workload_controller.kinds.preparing import prepare
from tidegate_workload_controller.kinds.protocol import Ensure, HeldOrder, Prepared
from tidegate_workload_controller.kinds.reading import essence
from tidegate_workload_controller.kinds.reasons import explained
from tidegate_workload_controller.kinds.scaling import Scaling
from tidegate_workload_controller.kinds.writing import Writer
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.seen import ReplicaSet, Sight

T = TypeVar("T")

AUTOSCALERS_HELD_OFF: Final = ("blue_green",)
"""The styles in which they are: the new pods of all others are within the workload's replicas, or none of its own."""

FRESH_S: Final = 0.5
"""A live view this young stays live as long as the watches show nothing else: the next order of a step that was just
reported as ready needs no other one. The patch is tied to the generation anyway."""

KEPT_MAX: Final = 500
"""Workloads of a kind that are remembered between two orders; what is forgotten is only read again."""


class Held:
    """Args:
    client: How to reach the API server.
    anatomy: What the kind is made of.
    namespace: The workload's.
    name: The workload's.
    cached: Finds it in the caches.
    closed: Is told when an order has ended.
    baseline: Finds a fresh baseline in the caches, by the workload's namespace and name, where the kind can have one.
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
        baseline: Callable[[str, str], ReplicaSet | None] | None = None,
    ) -> None:
        self.changed = asyncio.Event()
        self.orders = 0
        self._client = client
        self._anatomy = anatomy
        self._synced = synced
        self._closed = closed
        self._style: Style = "partition"
        self._own = Looking(client, anatomy, namespace, name, cached)
        self._extra = Looking(client, anatomy, namespace, extra_name(name), cached)
        self._scaling = Scaling(client, anatomy.resource, namespace, name)
        self._writer = Writer(client, anatomy, namespace, name)
        self._beside = BesideWriter(client, anatomy, namespace, name, own=self._writer, reading=self._own.reading)
        self._fresh: tuple[Sight, float] | None = None
        self._namespace = namespace
        self._name = name
        self._baseline = Baseline(client, namespace, name, baseline)
        self._uids: tuple[str, ...] = ()
        """Of the workload and of what is beside it, as they were seen live."""

    def wake(self) -> None:
        self.changed.set()

    async def synced(self) -> None:
        await self._synced()

    async def prepare(self, order: PrepareWorkload, *, patient: bool, now_s: float) -> Prepared:
        self._style = order.style
        sight = await self.look_live()
        return await prepare(
            self._client,
            self._anatomy,
            order,
            sight,
            template=self._own.reading.template,
            beside=self._beside,
            patient=patient,
            now_s=now_s,
        )

    def look(self) -> Sight | None:
        hold = self._anatomy.hold(self._style)
        own = self._own.look(hold)
        if own is None:
            return None
        extra = self._extra.look(hold) if self._is_beside else None
        sight = Sight(own, extra, self._baseline.look(), live=False)
        if self._fresh is None:
            return sight
        live, read_s = self._fresh
        return live if time.monotonic() - read_s < FRESH_S and _same(sight, live) else sight

    async def look_live(self) -> Sight:
        hold = self._anatomy.hold(self._style)
        own, extra, baseline, autoscalers = await asyncio.gather(
            self._own.look_live(hold),
            self._extra.look_live(hold) if self._is_beside else _nothing(None),
            self._baseline.find(),
            self._scaling.find() if self._style in AUTOSCALERS_HELD_OFF else _nothing(()),
        )
        former = self._is_beside and extra is None and await self._beside.has_left()
        sight = Sight(own, extra, baseline, autoscalers, former=former)
        self._uids = tuple(each.workload.metadata.uid for each in (own, extra) if each is not None)
        self._fresh = (sight, time.monotonic()) if not former else None  # no cache knows when that has gone
        return sight

    def remember(self, order: HeldOrder) -> Memory | ReleaseMemory:
        self._style = order.style
        self._baseline.remember(order)
        return ReleaseMemory() if isinstance(order, ReleaseWorkload) else Memory()

    def decide(
        self, order: HeldOrder, sight: Sight, memory: Any, now_s: float
    ) -> Decision[Memory] | Decision[ReleaseMemory]:
        return with_baseline(order, sight, self._decide(order, sight, memory, now_s))

    def _decide(
        self, order: HeldOrder, sight: Sight, memory: Any, now_s: float
    ) -> Decision[Memory] | Decision[ReleaseMemory]:
        first = before(order, sight)
        if first:
            return Decision(memory, first)
        if isinstance(order, ReleaseWorkload):
            return after(order, sight, release.decide(order, sight.own, memory, now_s), now_s)
        if isinstance(order, PromoteWorkload):
            return promotion.decide(order, sight.own, memory, now_s)
        if self._anatomy.is_beside(order.style):
            return beside.decide(order, sight, memory, now_s)
        if order.going_back:
            return backwards.decide(order, sight.own, memory, now_s)
        return convergence.decide(order, sight.own, memory, now_s)

    async def carry_out(self, action: Action, sight: Sight, ensure: Ensure) -> None:
        self._fresh = None
        if isinstance(action, OnAutoscalers):
            await self._scaling.write(action, ensure)
        elif isinstance(action, OnBaseline):
            await self._baseline.write(action, sight, ensure)
        elif isinstance(action, OnBeside):
            answer = await self._beside.write(action, sight, ensure)
            if answer is not None:
                self._extra.reading.take(answer)
        else:
            assert sight.own is not None, "it was decided about"
            assert isinstance(action, OnWorkload), "facts are the loop's to report"
            answer = await self._writer.write(action, sight.own, self._own.reading, ensure)
            if answer is not None:
                self._own.reading.take(answer)

    async def explain(self, fact: WorkloadFact) -> WorkloadFact:
        if not isinstance(fact, BatchStalled) or self._anatomy.revisions is REPLICA_SETS:
            return fact
        return await explained(self._client, self._namespace, self._uids, fact, beside=self._is_beside)

    @property
    def _is_beside(self) -> bool:
        return self._anatomy.is_beside(self._style)

    def close(self) -> None:
        self.orders -= 1
        self._closed()


def _same(cached: Sight, live: Sight) -> bool:
    """Whether two sights lead to the same decisions."""
    if _of_baseline(cached.baseline) != _of_baseline(live.baseline):
        return False
    return all(
        (essence(one) if one is not None else None) == (essence(other) if other is not None else None)
        for one, other in ((cached.own, live.own), (cached.extra, live.extra))
    )


def _of_baseline(seen: ReplicaSet | None) -> tuple[object, ...]:
    if seen is None:
        return ()
    metadata, status = seen.metadata, seen.status
    return (metadata.uid, metadata.generation, metadata.deletion_timestamp, status.observed_generation, status.replicas)


async def _nothing(value: T) -> T:
    return value


class Opened:
    """The workloads of one kind in our hands, by namespace and name."""

    def __init__(self, make: Callable[[str, str], Held]) -> None:
        self._make = make
        self._open: dict[tuple[str, str], Held] = {}
        self._beside: dict[tuple[str, str], Held] = {}

    def open(self, namespace: str, name: str) -> Held:
        held = self._open.pop((namespace, name), None) or self._make(namespace, name)
        self._open[namespace, name] = held
        self._beside[namespace, extra_name(name)] = held
        held.orders += 1
        return held

    def wake(self, namespace: str, name: str) -> None:
        """Something of this name has changed: the workload itself, or what is beside one."""
        for each in (self._open.get((namespace, name)), self._beside.get((namespace, name))):
            if each is not None:
                each.wake()

    def forget_idle(self) -> None:
        """Drop what has been idle for longest, beyond what is worth keeping."""
        idle = [key for key, held in self._open.items() if held.orders == 0]
        for key in idle[: max(len(idle) - KEPT_MAX, 0)]:
            del self._open[key]
            del self._beside[key[0], extra_name(key[1])]

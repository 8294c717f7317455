"""What follows from a state, said to the services: standing orders and the next wake-up call.

The `Outbox` of `handle`. Saying it again changes nothing, so what this process has said before is left out;
the sweep says it all the same.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from tidegate_chassis.publish import Publisher
from tidegate_chassis.timers import Timers
from tidegate_contracts.orders import Order
from tidegate_contracts.subjects import Service
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.workload import WorkloadKey
from tidegate_orchestrator.orders import Orders
from tidegate_orchestrator.state import Workload

SAID_MAX: Final = 20_000


class BusOutbox:
    def __init__(self, publisher: Publisher, timers: Timers) -> None:
        self._publisher = publisher
        self._timers = timers
        self._said: OrderedDict[tuple[WorkloadKey, str], object] = OrderedDict()

    async def publish(self, key: WorkloadKey, standing: Orders) -> None:
        """Each service's order, the workload's first: its way is the longest."""
        told: list[tuple[Service, Order | None]] = [
            ("workload-controller", standing.workload),
            ("traffic-shifter", standing.traffic),
            ("metrics-analyzer", standing.analysis),
        ]
        await asyncio.gather(*(self._order(service, key, order) for service, order in told if order is not None))

    async def wake(self, key: WorkloadKey, workload: Workload, due_s: float) -> None:
        rollout = workload.active
        assert rollout is not None, "only an active rollout waits"
        if self._said.get((key, "timer")) == (rollout.id, due_s):
            return
        await self._timers.set(key, TimerDue(rollout=rollout.id, revision=workload.revision, due_s=due_s))
        self._note(key, "timer", (rollout.id, due_s))

    def forget(self, key: WorkloadKey) -> None:
        """Say it all again, in case it was lost."""
        for what in ("workload-controller", "traffic-shifter", "metrics-analyzer", "timer"):
            self._said.pop((key, what), None)

    async def _order(self, service: Service, key: WorkloadKey, order: Order) -> None:
        if self._said.get((key, service)) == order.revision:
            return
        await self._publisher.order(service, key, order)
        self._note(key, service, order.revision)

    def _note(self, key: WorkloadKey, what: str, said: object) -> None:
        self._said[key, what] = said
        self._said.move_to_end((key, what))
        if len(self._said) > SAID_MAX:
            self._said.popitem(last=False)

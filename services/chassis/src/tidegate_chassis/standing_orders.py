"""Standing orders: a copy takes an order, makes it true, keeps it true, and answers for it until a newer one comes.

The mechanism behind crash recovery, scale-out, drift repair and idempotence of every worker. An order is pulled and not
acked while it is in force; `heartbeats` keep it ours, and without them the server hands it to another copy. Every copy
also hears orders as plain messages and drops a superseded one at once. One task per workload calls the worker's
`Holder`; a newer order starts only after the older one's task has ended.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog
from faststream.nats.message import NatsMessage

from tidegate_chassis import hearing, telemetry
from tidegate_chassis.acks import Receipt
from tidegate_chassis.claims import Claim, Claims
from tidegate_chassis.context import Context
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.floors import Floors
from tidegate_chassis.heartbeats import Heartbeats
from tidegate_chassis.holding import HeldOrder, Holder, Holding, Lease, OrderLost
from tidegate_chassis.lanes import Lanes
from tidegate_chassis.message import Message, revision_of
from tidegate_chassis.pull import Pull
from tidegate_chassis.pulse import Pulse
from tidegate_contracts import subjects
from tidegate_contracts.orders import RELEASES, Order
from tidegate_contracts.topology import orders_consumer
from tidegate_contracts.workload import WorkloadKey

__all__ = ["HeldOrder", "Holder", "OrderLost", "StandingOrders"]

HEARD_ONLY_WAIT_S: Final = 1.0
"""An order older than one that was heard, which isn't in the stream yet, is asked for again after this."""
DEAD_LETTER_WAIT_S: Final = 30.0
STOP_WAIT_S: Final = 5.0
ENDING_MAX_S: Final = 10.0
"""A holder that was cancelled and goes on for longer keeps its workload's next order waiting."""
CANCEL_AGAIN_S: Final = 1.0

_log = structlog.get_logger(__name__)
_Order = TypeVar("_Order", bound=Order)


class StandingOrders(Generic[_Order]):
    """Args:
    context: The service's parts; its name says whose orders these are.
    decode: The contracts' decoder of this service's orders.
    holder: Makes them true.
    """

    def __init__(self, context: Context, decode: Callable[[bytes], _Order], holder: Holder[_Order]) -> None:
        self._context = context
        self._decode = decode
        self._holder = holder
        self._consumer = orders_consumer(context.name, context.settings.cluster)
        self._held: dict[WorkloadKey, Holding[_Order]] = {}
        self._tasks: dict[asyncio.Task[None], Holding[_Order]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._lanes = Lanes()
        self._floors = Floors(context.clock)
        self._pulse = Pulse(context.clock)
        self._pulled, self._stopped = asyncio.Event(), asyncio.Event()
        connection, broker = context.connection, context.broker
        self._heartbeats = Heartbeats(
            context.clock, connection, self._consumer, self._pulse, held=self._all, lost=self._lose
        )
        self._pull = Pull(connection, self._consumer, room=self._room, deliver=self._on_order)
        self._claims = Claims(connection, broker, self._on_claim)
        hearing.hear(broker, subjects.orders_of(context.name, context.settings.cluster), self._on_heard)
        connection.on_reconnected(self._heartbeats.beat_now)
        context.health.check("orders", self._problem)
        telemetry.ORDERS_HELD.set_function(lambda: len(self._held))

    @property
    def held(self) -> int:
        return len(self._held)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            heartbeats = group.create_task(self._heartbeats.run())
            try:
                await self._pull.run()
            finally:
                self._pulled.set()
            await self._stopped.wait()
            heartbeats.cancel()

    async def stop(self) -> None:
        """Ends all work and hands the orders back, so that another copy has them at once."""
        self._pull.stop()
        await self._pulled.wait()
        await asyncio.gather(*(self._hand_over(holding) for holding in self._all()))
        if self._chores:
            await asyncio.wait(self._chores, timeout=STOP_WAIT_S)
        self._stopped.set()

    def __repr__(self) -> str:
        return f"the standing orders of {self._context.name}"

    # What comes in

    def _on_order(self, message: Message, receipt: Receipt) -> None:
        try:
            order = self._decode(message.payload)
            _, key = subjects.parse_order(message.subject)
        except (msgspec.MsgspecError, ValueError) as error:
            self._later(self._bury(message, receipt, f"an order that can't be read: {error}"))
            return
        holding = self._held.get(key)
        if holding is not None and order.revision == holding.held.revision:
            holding.adopt(message, receipt, self._pulse.since_s())
            self._later(self._claims.tell(message, order.revision))
        elif holding is not None and order.revision < holding.held.revision:
            self._later(receipt.done())
        elif order.revision < self._floors.of(key):
            self._later(receipt.later(HEARD_ONLY_WAIT_S))
        else:
            if holding is not None:
                self._drop(holding, "superseded")
            self._take(key, order, message, receipt)

    async def _on_heard(self, heard: NatsMessage) -> None:
        revision = revision_of(heard.raw_message.headers)
        if revision is None:
            return
        _, key = subjects.parse_order(heard.raw_message.subject)
        self._floors.rise(key, revision)
        holding = self._held.get(key)
        if holding is not None and holding.held.revision < revision:
            self._drop(holding, "superseded")

    def _on_claim(self, claim: Claim) -> None:
        _, key = subjects.parse_order(claim.subject)
        holding = self._held.get(key)
        if holding is None:
            return
        ours = (holding.held.revision, holding.held.message.deliveries)
        if (claim.revision, claim.deliveries) >= ours:
            self._drop(holding, "taken by another copy")

    # Taking and letting go

    def _room(self) -> int:
        # Ending tasks count: a workload's next order must find room, but not at the cost of ever more that can't end.
        idle = sum(1 for holding in self._held.values() if holding.task is None or holding.task.done())
        return self._context.settings.orders_max - len(self._tasks) - idle

    def _take(self, key: WorkloadKey, order: _Order, message: Message, receipt: Receipt) -> None:
        lease = Lease(self._context.clock, ack_wait_s=self._consumer.ack_wait_s, since_s=self._pulse.since_s())
        if lease.problem() is not None:
            _log.warning("an order came in after a pause, another copy may have it", workload=str(key))
            return
        held = HeldOrder(key, order, order.revision, message, lease)
        holding = Holding(held, lease, receipt, self._context.clock)
        self._held[key] = holding
        self._floors.rise(key, order.revision)
        holding.task = asyncio.create_task(self._work(holding))
        self._tasks[holding.task] = holding
        holding.task.add_done_callback(self._on_ended)
        telemetry.ORDERS_TAKEN.labels("first" if message.deliveries == 1 else "again").inc()
        self._later(self._claims.tell(message, order.revision))

    async def _work(self, holding: Holding[_Order]) -> None:
        held = holding.held
        bound = {"workload": str(held.key), "rollout": held.order.rollout, "order_revision": held.revision}
        with structlog.contextvars.bound_contextvars(**bound), telemetry.order_span(held.message):
            async with self._lanes.turn(held.key):
                _log.info("order taken", order=type(held.order).__name__, deliveries=held.message.deliveries)
                try:
                    await holding.keep(self._holder)
                except OrderLost as error:
                    _log.warning("order dropped", reason=error.reason)
                    self._drop(holding, "lost")
                    return
            if isinstance(held.order, RELEASES):
                await holding.receipt.done()
                self._drop(holding, "released")

    def _drop(self, holding: Holding[_Order], reason: str) -> None:
        """From here on nothing is done for the order; its task may still be ending."""
        holding.lease.end(reason)
        key = holding.held.key
        if self._held.get(key) is holding:
            del self._held[key]
            telemetry.ORDERS_ENDED.labels(reason).inc()
            _log.info("order ended", workload=str(key), order_revision=holding.held.revision, reason=reason)
        if holding.task is not None and holding.task is not asyncio.current_task():
            holding.task.cancel()
            self._later(_see_it_end(holding.task))
        self._pull.wake()

    def _lose(self, holding: Holding[Any]) -> None:
        self._drop(holding, "lost")

    async def _hand_over(self, holding: Holding[_Order]) -> None:
        self._drop(holding, "stopping")
        if holding.task is not None and not holding.task.done():
            await asyncio.wait({holding.task}, timeout=STOP_WAIT_S)
        if holding.task is not None and not holding.task.done():
            _log.error("an order's work does not end, another copy gets it later", workload=str(holding.held.key))
            return
        await holding.receipt.later(0)

    def _on_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._pull.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an order's task ended by a bug", exc_info=error)

    async def _bury(self, message: Message, receipt: Receipt, reason: str) -> None:
        try:
            await self._context.publisher.dead(message, reason)
        except OperatingError as error:
            _log.exception("a dead letter could not be kept", reason=error.reason)
            await receipt.later(DEAD_LETTER_WAIT_S)
            return
        _log.error("an order was given up", subject=message.subject, reason=reason)
        await receipt.never(reason)

    def _problem(self) -> str | None:
        now_s = self._context.clock.monotonic_s()
        for holding in self._tasks.values():
            ended_s = holding.lease.ended_s
            if ended_s is not None and now_s - ended_s > ENDING_MAX_S:
                return f"the work for order {holding.held.revision} of {holding.held.key} does not end"
        return self._pull.problem()

    def _all(self) -> list[Holding[Any]]:
        return list(self._held.values())

    def _later(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)


async def _see_it_end(task: asyncio.Task[None]) -> None:
    """Cancels again what forgot that it was cancelled, as library code does; the workload's next order waits for it."""
    while not (await asyncio.wait({task}, timeout=CANCEL_AGAIN_S))[0]:
        task.cancel()

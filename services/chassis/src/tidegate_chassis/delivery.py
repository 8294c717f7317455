"""Work queues: decode, handle, ack; and what becomes of a message that can't be handled now, or ever.

The orchestrator runs one per durable consumer. A failed handler never loses a message and never loops hot: it is
delivered again after a delay that grows, and after `TRIES_MAX` it is kept as a dead letter with the reason before it is
given up. A message that can't be understood goes there at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec
import structlog

from tidegate_chassis import telemetry
from tidegate_chassis.acks import Receipt
from tidegate_chassis.context import Context
from tidegate_chassis.errors import Conflict, OperatingError, Permanent, Transient, UnknownOutcome
from tidegate_chassis.lanes import Lanes
from tidegate_chassis.message import Message
from tidegate_chassis.pull import Pull
from tidegate_contracts.codec import Malformed
from tidegate_contracts.problem import Problem
from tidegate_contracts.topology import Consumer

TRIES_MAX: Final = 8
BACKOFF_S: Final = (0.25, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""The wait after the first, second, … delivery that failed."""
HEARTBEATS_PER_ACK_WAIT: Final = 3

_log = structlog.get_logger(__name__)
_Body = TypeVar("_Body")


class Delivered(NamedTuple, Generic[_Body]):
    body: _Body
    message: Message


class Delivery(Generic[_Body]):
    """Args:
    context: The service's parts.
    consumer: The durable to pull from.
    decode: Bytes to a message; raises `Malformed` or msgspec's or Python's ValueError.
    handle: Returns when the message is done with; raises one of the closed errors otherwise.
    concurrency: Messages in flight at most, waiting for their lane included.
    lane: Messages of one lane are handled one after another, in the order of their arrival.
    """

    def __init__(
        self,
        context: Context,
        consumer: Consumer,
        decode: Callable[[bytes], _Body],
        handle: Callable[[Delivered[_Body]], Awaitable[None]],
        *,
        concurrency: int = 64,
        lane: Callable[[Delivered[_Body]], Hashable] | None = None,
    ) -> None:
        self._context = context
        self._consumer = consumer
        self._decode = decode
        self._handle = handle
        self._concurrency = concurrency
        self._lane = lane
        self._lanes = Lanes()
        self._stopped = asyncio.Event()
        self._in_flight: dict[asyncio.Task[None], Receipt] = {}
        self._pull = Pull(context.connection, consumer, room=self._room, deliver=self._start)
        context.health.check(f"consumer {consumer.name}", self._pull.problem)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            heartbeats = group.create_task(self._heartbeats())
            await self._pull.run()
            await self._stopped.wait()
            heartbeats.cancel()

    async def stop(self) -> None:
        """What is being handled may end; what doesn't end in time is delivered again."""
        self._pull.stop()
        if self._in_flight:
            _, unfinished = await asyncio.wait(self._in_flight, timeout=self._context.settings.stop_timeout_s / 2)
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)
        self._stopped.set()

    def __repr__(self) -> str:
        return f"the delivery of {self._consumer.name}"

    def _room(self) -> int:
        return self._concurrency - len(self._in_flight)

    def _start(self, message: Message, receipt: Receipt) -> None:
        task = asyncio.create_task(self._process(message, receipt))
        self._in_flight[task] = receipt
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        self._pull.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a delivery ended by a bug", exc_info=error)

    async def _process(self, message: Message, receipt: Receipt) -> None:
        begun_s = self._context.clock.monotonic_s()
        with telemetry.message_span(message), structlog.contextvars.bound_contextvars(message=message.id):
            outcome = await self._outcome(message, receipt)
        subject = telemetry.template(message.subject)
        telemetry.HANDLED.labels(subject, outcome).inc()
        telemetry.HANDLE_SECONDS.labels(subject).observe(self._context.clock.monotonic_s() - begun_s)

    async def _outcome(self, message: Message, receipt: Receipt) -> str:
        """Handles one message and answers the server; says in a word how it ended."""
        try:
            body = self._decode(message.payload)
        except Malformed as error:
            return await self._give_up(message, receipt, "malformed", (error.problem,))
        except (msgspec.MsgspecError, ValueError) as error:
            return await self._give_up(message, receipt, f"can't be decoded: {error}", ())
        rollout = getattr(body, "rollout", None)
        if rollout is not None:
            structlog.contextvars.bind_contextvars(rollout=rollout)
        try:
            await self._in_lane(Delivered(body, message))
        except Permanent as error:
            return await self._give_up(message, receipt, error.reason, (problem_of(error),))
        except (Transient, Conflict, UnknownOutcome) as error:
            delay_s = error.delay_s if isinstance(error, Transient) else None
            return await self._again(message, receipt, error.reason, delay_s)
        except Exception as error:  # noqa: BLE001 - a bug in one message must not end the others'; it is logged
            _log.exception("a handler failed by a bug", subject=message.subject)
            return await self._again(message, receipt, f"{type(error).__name__}: {error}", None)
        await receipt.done()
        return "done"

    async def _in_lane(self, delivered: Delivered[_Body]) -> None:
        if self._lane is None:
            await self._handle(delivered)
            return
        async with self._lanes.turn(self._lane(delivered)):
            await self._handle(delivered)

    async def _again(self, message: Message, receipt: Receipt, reason: str, delay_s: float | None) -> str:
        if message.deliveries >= TRIES_MAX:
            return await self._give_up(message, receipt, f"given up after {message.deliveries} tries: {reason}", ())
        backoff_s = BACKOFF_S[min(message.deliveries, len(BACKOFF_S)) - 1]
        wait_s = backoff_s if delay_s is None else delay_s
        _log.warning("a message will be tried again", subject=message.subject, reason=reason, wait_s=wait_s)
        await receipt.later(wait_s)
        return "again"

    async def _give_up(self, message: Message, receipt: Receipt, reason: str, problems: tuple[Problem, ...]) -> str:
        """Kept first, then given up: a crash in between keeps it twice, under one id."""
        try:
            await self._context.publisher.dead(message, reason, problems)
        except OperatingError as error:
            _log.exception("a dead letter could not be kept", subject=message.subject, reason=error.reason)
            await receipt.later(BACKOFF_S[-1])
            return "again"
        _log.error("a message was given up", subject=message.subject, reason=reason)
        await receipt.never(reason)
        return "dead"

    async def _heartbeats(self) -> None:
        """Keeps what is in flight ours; the first heartbeat of a fast handler never comes."""
        while True:
            await asyncio.sleep(self._consumer.ack_wait_s / HEARTBEATS_PER_ACK_WAIT)
            try:
                for receipt in list(self._in_flight.values()):
                    await receipt.working()
            except OperatingError as error:
                _log.warning("a heartbeat was not sent", consumer=self._consumer.name, reason=error.reason)


def problem_of(error: Permanent) -> Problem:
    return Problem(
        field=error.field, value=error.value, rule=error.rule or error.reason, remedy=error.remedy or "See the reason."
    )

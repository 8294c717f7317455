"""One order in one copy's hands: the lease under which it may be acted on, and the task that keeps it.

Made by `standing_orders` for each order that it takes. A holder asks `HeldOrder.ensure` before each write: a lease
ends when heartbeats could not be proved to have arrived for so long that another copy may have the order.
"""

import asyncio
from typing import Final, Generic, Protocol, TypeVar

import structlog

from tidegate_chassis.acks import Receipt
from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, OperatingError, Permanent, Transient, UnknownOutcome
from tidegate_chassis.message import Message
from tidegate_contracts.workload import WorkloadKey

LEASE_MARGIN_S: Final = 0.5
"""A lease ends this much before the server's own ack_wait, so that the holder has stopped when the next one starts."""
RETRY_WAIT_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
FAULT_WAIT_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)
"""After an error that a holder should have reported as a fact, or a bug."""
STEADY_S: Final = 60.0
"""A holder that ran this long had recovered: its backoff starts anew."""

_MENDABLE: Final = (Transient, UnknownOutcome, Conflict)
_log = structlog.get_logger(__name__)
_Order = TypeVar("_Order")


class OrderLost(OperatingError):  # noqa: N818 - the vocabulary reads better without the suffix
    """The order is, or may be, no longer ours: write nothing for it."""


class Lease:
    """The time for which an order is certainly ours."""

    def __init__(self, clock: Clock, *, ack_wait_s: float, since_s: float) -> None:
        self._clock = clock
        self._length_s = ack_wait_s - LEASE_MARGIN_S
        self._until_s = since_s + self._length_s
        self._ended: str | None = None
        self.ended_s: float | None = None
        """When it was ended, by the monotonic clock."""

    def problem(self) -> str | None:
        """Why the order may not be acted on; None while it may."""
        if self._ended is not None:
            return self._ended
        if self._clock.monotonic_s() >= self._until_s:
            return "its heartbeats could not be proved to arrive"
        return None

    def renew(self, since_s: float) -> None:
        """The server heard of us at this time or later. What has ended stays ended: another copy may have it."""
        if self.problem() is None:
            self._until_s = max(self._until_s, since_s + self._length_s)

    def end(self, reason: str) -> None:
        if self._ended is None:
            self._ended, self.ended_s = reason, self._clock.monotonic_s()


class HeldOrder(Generic[_Order]):
    """What a holder gets: the order and the proof that it may act on it."""

    def __init__(self, key: WorkloadKey, order: _Order, revision: int, message: Message, lease: Lease) -> None:
        self.key = key
        self.order = order
        self.revision = revision
        self.message = message
        self._lease = lease

    def ensure(self) -> None:
        """To be called right before each write; raises `OrderLost`."""
        problem = self._lease.problem()
        if problem is not None:
            raise OrderLost(f"order {self.revision} of {self.key} is not ours to act on: {problem}")


class Holder(Protocol[_Order]):
    """What a worker writes: makes an order true and keeps it true."""

    async def hold(self, held: HeldOrder[_Order]) -> None:
        """Runs until cancelled; returning ends a release order, and leaves any other held but idle.

        Raises:
            Transient, UnknownOutcome, Conflict: call again after a while.
            OrderLost: from `ensure`; the order is dropped.
        """
        ...


class Holding(Generic[_Order]):
    """An order with its lease, its place to answer to and its task."""

    def __init__(self, held: HeldOrder[_Order], lease: Lease, receipt: Receipt, clock: Clock) -> None:
        self.held = held
        self.lease = lease
        self.receipt = receipt
        self.task: asyncio.Task[None] | None = None
        self._clock = clock

    def adopt(self, message: Message, receipt: Receipt, since_s: float) -> None:
        """The same order was delivered to us again: work goes on, answers go to the newer delivery."""
        self.held.message = message
        self.receipt = receipt
        self.lease.renew(since_s)

    async def keep(self, holder: Holder[_Order]) -> None:
        """Calls the holder until it returns; raises `OrderLost` when it says so."""
        tries = dict.fromkeys((RETRY_WAIT_S, FAULT_WAIT_S), 0)
        while True:
            begun_s = self._clock.monotonic_s()
            try:
                await holder.hold(self.held)
            except OrderLost:
                raise
            except _MENDABLE as error:
                failure: Exception = error
            except Exception as error:  # noqa: BLE001 - a bug in one order must not end the others'; it is logged below
                failure = error
            else:
                return
            if self._clock.monotonic_s() - begun_s > STEADY_S:
                tries = dict.fromkeys(tries, 0)
            table = RETRY_WAIT_S if isinstance(failure, _MENDABLE) else FAULT_WAIT_S
            wait_s = _wait_s(failure, table, tries[table])
            tries[table] += 1
            _tell(failure, wait_s)
            await self._clock.sleep(wait_s)


def _wait_s(failure: Exception, table: tuple[float, ...], tries: int) -> float:
    if isinstance(failure, Transient) and failure.delay_s is not None:
        return failure.delay_s
    return table[min(tries, len(table) - 1)]


def _tell(failure: Exception, wait_s: float) -> None:
    if isinstance(failure, _MENDABLE):
        _log.warning("an order's work is tried again", reason=failure.reason, wait_s=wait_s)
    elif isinstance(failure, Permanent):
        _log.error(
            "an order's work fails for good, and was not reported as a fact", reason=failure.reason, wait_s=wait_s
        )
    else:
        _log.error("an order's work failed by a bug", exc_info=failure, wait_s=wait_s)

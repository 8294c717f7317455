"""Keeps all held orders ours with one loop, and drops those that it can't prove to be ours any longer.

Used by `standing_orders`. All orders of a round are heartbeated without waiting; the last one asks for an answer, which
proves that the consumer heard the others too, since it hears in order. Leases are renewed from the round's begin.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog

from tidegate_chassis import telemetry
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.holding import Holding
from tidegate_chassis.pulse import TICK_S, Pulse
from tidegate_contracts.topology import Consumer

ROUNDS_PER_ACK_WAIT: Final = 3
YIELD_EVERY: Final = 100

_log = structlog.get_logger(__name__)


class Heartbeats:
    """Args:
    clock: The time.
    connection: A round during which it was made anew proves nothing.
    consumer: Whose ack_wait is kept within.
    pulse: Is beaten here.
    held: All orders that are held now.
    lost: Called with each order whose lease has run out.
    """

    def __init__(
        self,
        clock: Clock,
        connection: Connection,
        consumer: Consumer,
        pulse: Pulse,
        *,
        held: Callable[[], list[Holding[Any]]],
        lost: Callable[[Holding[Any]], None],
    ) -> None:
        self._clock = clock
        self._connection = connection
        self._interval_s = consumer.ack_wait_s / ROUNDS_PER_ACK_WAIT
        self._pulse = pulse
        self._held = held
        self._lost = lost
        self._due = asyncio.Event()

    def beat_now(self) -> None:
        """A server that was away counts from its own last record of us."""
        self._due.set()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._beat())

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            pause_s = self._pulse.beat()
            if pause_s:
                _log.warning("this process stood still", pause_s=round(pause_s, 3))
            for holding in self._held():
                if holding.lease.problem() is not None:
                    self._lost(holding)

    async def _beat(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._due.wait()
            except TimeoutError:
                pass  # the interval is over: the next round is due
            self._due.clear()
            await self._round()

    async def _round(self) -> None:
        begun_s, reconnects = self._clock.monotonic_s(), self._connection.reconnects
        living = [holding for holding in self._held() if holding.lease.problem() is None]
        if not living:
            return
        try:
            for index, holding in enumerate(living[:-1], start=1):
                await holding.receipt.working()
                if index % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            await living[-1].receipt.still_working(self._interval_s)
        except OperatingError as error:
            _log.warning("heartbeats could not be proved to arrive", orders=len(living), reason=error.reason)
            return
        telemetry.HEARTBEAT_SECONDS.observe(self._clock.monotonic_s() - begun_s)
        if self._connection.reconnects != reconnects:
            self._due.set()
            return
        for holding in living:
            holding.lease.renew(begun_s)

"""A stream's messages of one filter: those that are stored, and then each new one within milliseconds of being heard.

Used by whoever has to know all of them without a consumer of its own. What is heard as a plain message is only a hint:
the stream is read, in its own order, with its own times. So nothing is lost with a connection, and nothing comes twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NoReturn

import structlog

from tidegate_chassis import reading
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.message import Message

REREAD_S: Final = 30.0
"""How long we rely on having heard of everything new."""

RETRY_S: Final = 1.0

STORED_AFTER_S: Final = (0.02, 0.1, 0.5, 2.0)
"""Waits before further looks for what was heard: a message is heard before the stream has it on disk."""

_log = structlog.get_logger(__name__)
Take = Callable[[Message], Awaitable[None]]


class Following:
    """Args:
    connection: Who reads.
    clock: The time.
    stream: Where.
    subject_filter: Which; whoever hears something new there calls `news`.
    take: Called with each message, in the stream's order.
    since_s: In epoch seconds: what the stream stored before is left out.
    read: Called once, when all that was stored when it began has been taken.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        stream: str,
        subject_filter: str,
        take: Take,
        *,
        since_s: float | None = None,
        read: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_read = False
        """Whether all that was stored when it began has been taken."""
        self._read = read
        self._connection = connection
        self._clock = clock
        self._stream = stream
        self._filter = subject_filter
        self._take = take
        self._since_s = since_s
        self._sequence = 0
        self._news = asyncio.Event()

    def news(self) -> None:
        """There may be something new."""
        self._news.set()

    async def run(self) -> NoReturn:
        """Until it is cancelled; run again, it goes on where it was."""
        looks_s: Iterator[float] = iter(())
        while True:
            self._news.clear()
            try:
                await self._read_on()
            except OperatingError as error:
                _log.warning("a stream could not be read", stream=self._stream, reason=error.reason)
                await self._clock.sleep(RETRY_S)
                continue
            if await self._heard_within(next(looks_s, REREAD_S)):
                looks_s = iter(STORED_AFTER_S)

    async def _heard_within(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _read_on(self) -> None:
        found = await reading.many(
            self._connection, self._stream, self._filter, after_sequence=self._sequence, since_s=self._since_s
        )
        for message in found:
            await self._take(message)
            self._sequence = message.sequence
        if not self.is_read:
            self.is_read = True
            self._read()

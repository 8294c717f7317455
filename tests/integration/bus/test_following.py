"""A stream that is followed: what is stored since a time, what comes, and what came while there was no connection."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.nats import CLOCK, NatsServer, nats_server
from support.until import until

from tidegate_chassis import following
from tidegate_chassis.connection import Connection
from tidegate_chassis.following import Following
from tidegate_chassis.message import Message
from tidegate_chassis.reading import BATCH_TIMEOUT_S
from tidegate_contracts import subjects
from tidegate_contracts.topology import VERDICTS

pytestmark = pytest.mark.nats

PLACE = subjects.verdict("default", "default", "r-1", "tests")
OTHER = subjects.verdict("default", "default", "r-2", "tests")

FOUND_WITHIN_S = BATCH_TIMEOUT_S + following.RETRY_S + 4.0
"""A server that is killed in the midst of a read costs that read's own limit, and the wait after it."""


class Followed:
    def __init__(self, connection: Connection, since_s: float | None) -> None:
        self.taken: list[str] = []
        self.reads = 0
        self.it = Following(
            connection, CLOCK, VERDICTS, f"{PLACE[:-6]}.*", self._take, since_s=since_s, read=self._read
        )

    async def _take(self, message: Message) -> None:
        self.taken.append(message.payload.decode())

    def _read(self) -> None:
        self.reads += 1

    async def until(self, *taken: str) -> None:
        await until(lambda: self.taken == list(taken), within_s=FOUND_WITHIN_S, what=f"{taken} and not {self.taken}")


@asynccontextmanager
async def followed(server: NatsServer, since_s: float | None = None) -> AsyncIterator[Followed]:
    async with server.connected("metrics-analyzer") as connection:
        it = Followed(connection, since_s)
        connection.on_reconnected(it.it.news)
        task = asyncio.create_task(it.it.run())
        try:
            await until(lambda: it.reads == 1, within_s=5, what="a first read")
            yield it
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def say(server: NatsServer, *texts: str, place: str = PLACE) -> None:
    async with server.connected("requester") as connection:
        for text in texts:
            await connection.client.jetstream().publish(place, text.encode())


async def test_what_is_stored_and_what_comes_is_taken_once_and_in_order() -> None:
    async with nats_server() as server:
        await say(server, "before")
        await asyncio.sleep(0.05)
        since_s = time.time()
        await say(server, "one")
        async with followed(server, since_s) as it:
            await it.until("one")
            await say(server, "no concern", place=OTHER)
            await say(server, "two", "three")
            it.it.news()
            await it.until("one", "two", "three")
        async with followed(server) as everything:
            await everything.until("before", "one", "two", "three")
            assert everything.reads == 1


async def test_news_that_is_heard_before_it_is_stored_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "REREAD_S", 60.0)
    async with nats_server() as server, followed(server) as it:
        it.it.news()
        await asyncio.sleep(0.05)
        await say(server, "late")
        await it.until("late")


async def test_what_came_while_the_server_was_away_is_found() -> None:
    async with nats_server() as server, followed(server) as it:
        await say(server, "one")
        it.it.news()
        await it.until("one")
        await server.kill()
        await server.start()
        await say(server, "two")
        await it.until("one", "two")

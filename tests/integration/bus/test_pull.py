import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from support.nats import NatsServer, nats_server, password
from support.until import until

from tidegate_chassis import jetstream
from tidegate_chassis.acks import Receipt
from tidegate_chassis.connection import Connection, connected
from tidegate_chassis.errors import Permanent
from tidegate_chassis.message import Message
from tidegate_chassis.pull import Pull
from tidegate_chassis.topology import consumer_config
from tidegate_contracts.topology import REQUESTS, REQUESTS_CONSUMER

pytestmark = pytest.mark.nats

SUBJECT = "tidegate.requests.default.default"


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


@pytest.fixture
async def connection(server: NatsServer) -> AsyncIterator[Connection]:
    async with server.connected("orchestrator") as connected:
        yield connected


class Puller:
    """A pull whose messages are kept, and acked when told."""

    def __init__(self, connection: Connection, *, room: int = 100) -> None:
        self.room = room
        self.received: list[tuple[Message, Receipt, float]] = []
        self.unacked: list[Receipt] = []
        self.pull = Pull(connection, REQUESTS_CONSUMER, room=lambda: self.room - len(self.unacked), deliver=self._keep)
        self.task = asyncio.create_task(self.pull.run())

    def _keep(self, message: Message, receipt: Receipt) -> None:
        self.received.append((message, receipt, time.perf_counter()))
        self.unacked.append(receipt)

    def has(self, messages: int) -> bool:
        return len(self.received) == messages

    def got(self, payload: bytes) -> bool:
        """At least once: an ack that the killed server had not written down is forgotten."""
        return payload in self.payloads

    async def ack(self) -> None:
        for receipt in self.unacked:
            await receipt.done()
        self.unacked.clear()
        self.pull.wake()

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message, _, _ in self.received]

    async def stop(self) -> None:
        self.pull.stop()
        await asyncio.wait_for(self.task, 3)


async def publish(server: NatsServer, *payloads: bytes) -> None:
    async with server.connected("operator") as operator:
        for payload in payloads:
            await jetstream.publish(operator, SUBJECT, payload, {})


async def info(server: NatsServer) -> dict[str, Any]:
    async with server.connected("deploy") as deploy:
        return await jetstream.api(deploy, f"CONSUMER.INFO.{REQUESTS}.{REQUESTS_CONSUMER.name}")


async def test_a_message_is_delivered_the_instant_it_is_stored(server: NatsServer, connection: Connection) -> None:
    puller = Puller(connection)
    await until(lambda: puller.pull.problem() is None)
    waits_s = []
    async with server.connected("operator") as operator:
        for number in range(50):
            sent_s = time.perf_counter()
            await operator.client.publish(SUBJECT, b"%d" % number)
            await until(partial(puller.has, number + 1))
            waits_s.append(puller.received[-1][2] - sent_s)
            await puller.ack()
    await puller.stop()
    assert statistics.median(waits_s) < 0.05
    assert [message.deliveries for message, _, _ in puller.received] == [1] * 50


async def test_no_more_messages_are_in_flight_than_there_is_room(server: NatsServer, connection: Connection) -> None:
    puller = Puller(connection, room=3)
    await publish(server, *(b"%d" % number for number in range(10)))
    await until(lambda: len(puller.received) == 3)
    await asyncio.sleep(0.2)
    assert len(puller.received) == 3
    assert (await info(server))["num_ack_pending"] == 3
    await puller.ack()
    await until(lambda: len(puller.received) == 6)
    puller.room = 100
    await puller.ack()
    await until(lambda: len(puller.received) == 10)
    await puller.stop()


async def test_a_pull_goes_on_after_its_server_was_killed(server: NatsServer, connection: Connection) -> None:
    puller = Puller(connection)
    await publish(server, b"before")
    await until(lambda: puller.payloads == [b"before"])
    await puller.ack()
    await connection.client.flush()
    for number in range(3):
        await server.kill()
        await asyncio.sleep(0.3)
        await server.start()
        await publish(server, b"after %d" % number)
        await until(partial(puller.got, b"after %d" % number), within_s=5)
        await puller.ack()
    await puller.stop()


async def test_a_pull_goes_on_after_its_server_stood_still(server: NatsServer, connection: Connection) -> None:
    puller = Puller(connection)
    await until(lambda: puller.pull.problem() is None)
    server.pause()
    await until(lambda: puller.pull.problem() is not None, within_s=10)
    assert "answers nothing" in (puller.pull.problem() or "")
    server.resume()
    await until(lambda: puller.pull.problem() is None, within_s=15)
    await publish(server, b"after")
    await until(lambda: puller.payloads == [b"after"])
    await puller.stop()


async def test_a_pull_goes_on_after_its_connection_died_without_a_word(server: NatsServer) -> None:
    async with (
        silencing_proxy(server) as proxy,
        connected(proxy.url, name="test", user="orchestrator", password=password("orchestrator")) as connection,
    ):
        puller = Puller(connection)
        await until(lambda: puller.pull.problem() is None)
        proxy.silence()
        await publish(server, b"after")
        # Within the ack_wait of what went into the void, and not only when three pings were missed.
        await until(lambda: puller.payloads == [b"after"], within_s=18)
        await puller.stop()


async def test_a_deleted_consumer_ends_the_pull_loudly(server: NatsServer, connection: Connection) -> None:
    puller = Puller(connection)
    await until(lambda: puller.pull.problem() is None)
    await delete_consumer(server)
    begun_cpu_s = time.process_time()
    with pytest.raises(Permanent, match="deleted under us"):
        await asyncio.wait_for(puller.task, 15)
    assert puller.pull.problem() is not None
    assert time.process_time() - begun_cpu_s < 1.0, "it looped hot"


async def test_a_consumer_that_comes_late_is_waited_for(connection: Connection, server: NatsServer) -> None:
    await delete_consumer(server)
    puller = Puller(connection)
    await until(lambda: "not found" in (puller.pull.problem() or ""))
    await asyncio.sleep(4)
    await declare_consumer(server)
    await publish(server, b"late")
    await until(lambda: puller.payloads == [b"late"])
    await puller.stop()


async def test_a_consumer_with_another_filter_is_refused(connection: Connection, server: NatsServer) -> None:
    await delete_consumer(server)
    await declare_consumer(server, filter_subject="tidegate.requests.other.*")
    puller = Puller(connection)
    with pytest.raises(Permanent) as refused:
        await asyncio.wait_for(puller.task, 5)
    assert refused.value.field == "filters"
    assert "declare" in refused.value.remedy


async def test_a_pull_that_waits_for_a_dead_server_can_be_stopped(connection: Connection, server: NatsServer) -> None:
    puller = Puller(connection)
    await until(lambda: puller.pull.problem() is None)
    await server.kill()
    await asyncio.sleep(0.5)
    await puller.stop()


class Proxy:
    """Passes bytes on until it is told to swallow those of the connections that it has."""

    def __init__(self, server: NatsServer) -> None:
        self._server = server
        self.url = ""
        self.generation = 0

    def silence(self) -> None:
        self.generation += 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        generation = self.generation
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._server.port)

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                if generation == self.generation:
                    sink.write(data)

        try:
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
        finally:
            for sink in (inner_writer, writer):
                sink.transport.abort()


@asynccontextmanager
async def silencing_proxy(server: NatsServer) -> AsyncIterator[Proxy]:
    proxy = Proxy(server)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(proxy.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.url = f"nats://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def delete_consumer(server: NatsServer) -> None:
    # Nobody has the right to do this over the bus; the tests' server has a system administrator for it.
    async with server.administrator() as administrator:
        answer = await jetstream.api(administrator, f"CONSUMER.DELETE.{REQUESTS}.{REQUESTS_CONSUMER.name}")
        assert answer["success"]


async def declare_consumer(server: NatsServer, **changes: str) -> None:
    config = consumer_config(REQUESTS_CONSUMER) | changes
    name = f"CONSUMER.DURABLE.CREATE.{REQUESTS}.{REQUESTS_CONSUMER.name}"
    async with server.connected("deploy") as deploy:
        answer = await jetstream.api(deploy, name, {"stream_name": REQUESTS, "config": config})
        assert "error" not in answer, answer

"""The pods' HTTP server over real sockets on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from support.until import until

from tidegate_sandbox.podlet.behaviour import Behaviour, parse
from tidegate_sandbox.podlet.http1 import HttpServer
from tidegate_sandbox.podlet.site import PodSite

ADDRESS = "127.0.43.1"
GET = b"GET / HTTP/1.1\r\nhost: web\r\n\r\n"


async def open_pod(tag: str) -> tuple[HttpServer, PodSite]:
    behaviour = parse(f"web:{tag}", {})
    assert isinstance(behaviour, Behaviour)
    site = PodSite("web-1", behaviour)
    server = HttpServer(site)
    await server.open(ADDRESS, (0,))
    return server, site


@pytest.fixture
async def pod(request: pytest.FixtureRequest) -> AsyncIterator[tuple[HttpServer, PodSite]]:
    server, site = await open_pod(request.param if hasattr(request, "param") else "v1")
    yield server, site
    server.abort()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, server: HttpServer) -> "Client":
        return cls(*await asyncio.open_connection(ADDRESS, server.ports[0]))

    async def ask(self, request: bytes = GET) -> tuple[int, bytes, bytes]:
        self.writer.write(request)
        return await self.answer()

    async def answer(self) -> tuple[int, bytes, bytes]:
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await self.reader.readexactly(length)
        return int(head.split(b" ")[1]), head, body

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_a_pod_answers_its_version_and_name_on_one_connection(pod: tuple[HttpServer, PodSite]) -> None:
    client = await Client.to(pod[0])
    for _ in range(3):
        status, head, body = await client.ask()
        assert (status, body) == (200, b"version v1\npod web-1\n")
        assert b"x-version: v1\r\n" in head
    assert len(pod[0].connections) == 1
    await client.close()


@pytest.mark.parametrize("pod", ["v3_errors-10"], indirect=True)
async def test_every_tenth_request_fails_at_ten_percent(pod: tuple[HttpServer, PodSite]) -> None:
    client = await Client.to(pod[0])
    statuses = [(await client.ask())[0] for _ in range(40)]
    assert [index for index, status in enumerate(statuses, 1) if status == 500] == [10, 20, 30, 40]
    await client.close()


@pytest.mark.parametrize("pod", ["v1_errors-0.25"], indirect=True)
async def test_metrics_count_what_was_answered_and_not_themselves(pod: tuple[HttpServer, PodSite]) -> None:
    client = await Client.to(pod[0])
    for _ in range(400):
        await client.ask()
    _, _, body = await client.ask(b"GET /metrics HTTP/1.1\r\n\r\n")
    _, _, again = await client.ask(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert body == again
    lines = body.decode().splitlines()
    assert 'http_requests_total{code="200"} 399' in lines
    assert 'http_requests_total{code="500"} 1' in lines
    assert "http_request_duration_seconds_count 400" in lines
    assert 'http_request_duration_seconds_bucket{le="+Inf"} 400' in lines
    await client.close()


@pytest.mark.parametrize("pod", ["v1_latency-60"], indirect=True)
async def test_latency_is_waited_for_and_measured(pod: tuple[HttpServer, PodSite]) -> None:
    server, site = pod
    client = await Client.to(server)
    before_s = asyncio.get_running_loop().time()
    await client.ask()
    assert asyncio.get_running_loop().time() - before_s >= 0.059
    assert b'bucket{le="0.05"} 0\n' in site.exposition()
    assert b'bucket{le="2.5"} 1\n' in site.exposition()
    await client.close()


@pytest.mark.parametrize("pod", ["v1_latency-20"], indirect=True)
async def test_pipelined_requests_are_answered_in_order(pod: tuple[HttpServer, PodSite]) -> None:
    client = await Client.to(pod[0])
    client.writer.write(GET + b"GET /metrics HTTP/1.1\r\n\r\n" + GET)
    kinds = [(await client.answer())[2][:7] for _ in range(3)]
    assert kinds == [b"version", b"# HELP ", b"version"]
    await client.close()


async def test_bodies_are_taken_and_a_careful_client_is_told_to_go_on(pod: tuple[HttpServer, PodSite]) -> None:
    client = await Client.to(pod[0])
    status, _, _ = await client.ask(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody")
    assert status == 200
    client.writer.write(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    status, _, _ = await client.ask(b"body")
    assert status == 200
    await client.close()


async def test_nonsense_is_refused_and_the_next_client_served(pod: tuple[HttpServer, PodSite]) -> None:
    client = await Client.to(pod[0])
    status, head, _ = await client.ask(b"nonsense\r\n\r\n")
    assert (status, b"connection: close" in head) == (400, True)
    assert await client.reader.read() == b""
    await client.close()
    other = await Client.to(pod[0])
    assert (await other.ask())[0] == 200
    await other.close()


async def test_a_draining_pod_serves_old_and_new_connections_once_more_each(
    pod: tuple[HttpServer, PodSite],
) -> None:
    server, _ = pod
    old = await Client.to(server)
    await old.ask()
    server.drain()
    new = await Client.to(server)
    for client in (old, new):
        status, head, _ = await client.ask()
        assert (status, b"connection: close\r\n" in head) == (200, True)
        assert await client.reader.read() == b""
        await client.close()


@pytest.mark.parametrize("pod", ["v1_latency-100"], indirect=True)
async def test_stopping_finishes_the_request_under_way_and_closes_idle_ones(
    pod: tuple[HttpServer, PodSite],
) -> None:
    server, _ = pod
    idle, busy = await Client.to(server), await Client.to(server)
    await idle.ask()
    busy.writer.write(GET)
    await until(lambda: any(connection.busy for connection in server.connections))
    async with asyncio.timeout(5):
        stopping = asyncio.create_task(server.stop(timeout_s=3.0))
        assert await idle.reader.read() == b""
        assert (await busy.answer())[0] == 200
        await stopping
    assert not server.connections
    with pytest.raises(ConnectionRefusedError):
        await Client.to(server)
    await idle.close()
    await busy.close()


@pytest.mark.parametrize("pod", ["v1_latency-60000"], indirect=True)
async def test_stopping_gives_a_request_up_at_the_deadline(pod: tuple[HttpServer, PodSite]) -> None:
    server, _ = pod
    client = await Client.to(server)
    client.writer.write(GET)
    await until(lambda: any(connection.busy for connection in server.connections))
    async with asyncio.timeout(5):
        await server.stop(timeout_s=0.05)
        with pytest.raises(ConnectionResetError):
            await client.reader.readexactly(1)
    client.writer.close()


async def test_a_crash_resets_its_clients(pod: tuple[HttpServer, PodSite]) -> None:
    client = await Client.to(pod[0])
    await client.ask()
    pod[0].abort()
    with pytest.raises(ConnectionResetError):
        await client.reader.readexactly(1)
    client.writer.close()


async def test_a_port_that_is_taken_leaves_no_other_port_open() -> None:
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        taken.listen()
        server = HttpServer(PodSite("web-1", Behaviour()))
        with pytest.raises(OSError, match="in use"):
            await server.open(ADDRESS, (0, taken.getsockname()[1]))
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(ADDRESS, server.ports[0])


async def test_a_pod_opens_again_at_once_on_the_port_it_served() -> None:
    first, _ = await open_pod("v1")
    client = await Client.to(first)
    await client.ask()
    first.abort()
    second = HttpServer(PodSite("web-1", Behaviour(version="v2")))
    await second.open(ADDRESS, first.ports)
    again = await Client.to(second)
    assert (await again.ask())[2].startswith(b"version v2")
    second.abort()
    client.writer.close()
    again.writer.close()

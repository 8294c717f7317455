"""The doors to the outside, on loopback: bytes both ways, half-closed connections, and no descriptor left over."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.until import until

from tidegate_sandbox.supervisor.forward import open_door


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers everything in capitals once the caller has ended its half."""
    writer.write((await reader.read()).upper())
    writer.close()


@contextlib.asynccontextmanager
async def door_to(inner_port: int) -> AsyncIterator[tuple[str, int]]:
    outer = socket.create_server(("127.0.0.1", 0))
    outer.setblocking(False)
    address: tuple[str, int] = outer.getsockname()
    server = await open_door(outer.detach(), inner_port)
    async with server:
        yield address


@pytest.fixture
async def shouting_port() -> AsyncIterator[int]:
    async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def exchange(address: tuple[str, int], message: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(message)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_what_goes_in_comes_out_and_back(shouting_port: int) -> None:
    async with door_to(shouting_port) as address:
        assert await exchange(address, b"hello " * 200_000) == b"HELLO " * 200_000


async def test_a_door_to_nothing_ends_the_connection(unused_tcp_port: int) -> None:
    async with door_to(unused_tcp_port) as address:
        with contextlib.suppress(ConnectionError):
            assert await exchange(address, b"hello") == b""


async def test_a_half_closed_connection_survives_the_garbage_collector() -> None:
    heard, answer = asyncio.Event(), asyncio.Event()

    async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        heard.set()
        await answer.wait()
        writer.write(b"at last")
        writer.close()

    server = await asyncio.start_server(think, "127.0.0.1", 0)
    async with server, door_to(server.sockets[0].getsockname()[1]) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write_eof()
        await heard.wait()
        gc.collect()
        answer.set()
        assert await reader.read() == b"at last"
        writer.close()


async def test_no_descriptor_is_left_after_many_connections(shouting_port: int) -> None:
    async with door_to(shouting_port) as address:
        await exchange(address, b"warm")
        before = open_descriptors()
        for _ in range(20):
            await exchange(address, b"hello")
        await until(lambda: open_descriptors() <= before, what="all descriptors being closed")

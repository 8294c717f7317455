"""What copies leave for each other: the newest counts, and nothing is an answer, too."""

import asyncio

import pytest
from support.copies import key
from support.nats import nats_server
from support.until import until

from tidegate_chassis.keepsakes import KEEPSAKE_BYTES_MAX, Keepsakes

pytestmark = pytest.mark.nats
SERVICE = "metrics-analyzer"


async def test_the_newest_is_found_by_another_copy_and_what_is_gone_is_nothing() -> None:
    async with nats_server() as server, server.connected(SERVICE) as first, server.connected(SERVICE) as second:
        left, found = Keepsakes(first, SERVICE), Keepsakes(second, SERVICE)
        assert await found.get(key()) is None
        await left.put(key(), b"old")
        await left.put(key(), b"new")
        await left.put(key(), b"x" * (KEEPSAKE_BYTES_MAX + 1))
        await left.put(key("other"), b"another workload's")
        async with asyncio.timeout(10):
            while await found.get(key("other")) is None:
                pass  # what a server has taken it stores soon, in the order in which it came
        assert await found.get(key()) == b"new"
        await server.kill()
        await until(lambda: not first.is_online, within_s=10, what="the connection's end")
        await left.put(key(), b"lost")
        await server.start()
        await until(lambda: second.is_online, within_s=10, what="the connection back")
        assert await found.get(key()) is None, "it was in the server's memory"


async def test_a_service_without_the_right_reads_and_leaves_nothing() -> None:
    async with nats_server() as server, server.connected("traffic-shifter") as connection:
        shelf = Keepsakes(connection, "traffic-shifter")
        await shelf.put(key(), b"left")
        assert await shelf.get(key()) is None

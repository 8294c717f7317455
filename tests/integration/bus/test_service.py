import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.copies import WORKER, Copies, Copy, Orchestrator, copies, orchestrator, order
from support.nats import NatsServer, nats_server
from support.until import until

from tidegate_chassis import jetstream
from tidegate_contracts.topology import ORDERS, orders_consumer

pytestmark = pytest.mark.nats


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


@pytest.fixture
async def saga(server: NatsServer) -> AsyncIterator[Orchestrator]:
    async with orchestrator(server) as connected:
        yield connected


@pytest.fixture
async def world(server: NatsServer, tmp_path: Path) -> AsyncIterator[Copies]:
    async with copies(server, tmp_path) as started:
        yield started


def body(answer: str) -> str:
    return answer.partition("\r\n\r\n")[2]


async def answers(copy: Copy, path: str, expected: str, within_s: float = 15) -> str:
    """The first answer that holds what is expected."""
    answer = ""
    async with asyncio.timeout(within_s):
        while expected not in answer:
            answer = await copy.asked(path)
            await asyncio.sleep(0.05)
    return answer


async def test_a_service_lives_unready_until_its_bus_is_there(server: NatsServer, world: Copies) -> None:
    await server.kill()
    copy = await world.launch("first")
    assert "not connected to NATS" in await answers(copy, "/readyz", "503")
    assert "200" in (await copy.asked("/livez")).splitlines()[0]
    await server.start()
    assert body(await answers(copy, "/readyz", "200")) == "ready\n"


async def test_a_service_that_lost_its_bus_says_so_and_recovers(server: NatsServer, world: Copies) -> None:
    copy = await world.start("first")
    await server.kill()
    await answers(copy, "/readyz", "not connected to NATS")
    await server.start()
    await answers(copy, "/readyz", "200 OK")


async def test_metrics_name_subjects_by_template(world: Copies, saga: Orchestrator) -> None:
    copy = await world.start("first")
    await saga.order(order(1))
    await until(lambda: world.acted("first", 1))
    metrics = body(await copy.asked("/metrics"))
    assert "tidegate_orders_held 1.0" in metrics
    assert 'tidegate_orders_taken_total{delivery="first"} 1.0' in metrics
    assert not re.search(r"\bweb\b", metrics), "no label names a workload"


async def test_logs_are_json_bound_to_the_rollout(world: Copies, saga: Orchestrator) -> None:
    await world.start("first")
    await saga.order(order(1))
    await until(lambda: world.acted("first", 1))
    lines = [json.loads(line) for line in world.log().splitlines()]
    taken = next(line for line in lines if line["event"] == "order taken")
    assert taken["rollout"] == "r1"
    assert taken["workload"] == "default/default/deployment.apps/web"
    assert taken["service"] == WORKER
    assert {"timestamp", "level", "logger"} <= set(taken)
    assert "development-" not in world.log(), "a password was logged"


async def test_a_stopped_service_ends_well_and_soon(world: Copies) -> None:
    copy = await world.start("first")
    copy.signal(signal.SIGTERM)
    begun_s = time.monotonic()
    assert await copy.process.wait() == 0
    assert time.monotonic() - begun_s < 3


async def test_a_service_that_waits_for_its_bus_can_be_stopped(server: NatsServer, world: Copies) -> None:
    await server.kill()
    copy = await world.launch("first")
    await answers(copy, "/livez", "200")
    copy.signal(signal.SIGTERM)
    assert await asyncio.wait_for(copy.process.wait(), 5) == 0


async def test_a_service_that_lost_its_bus_can_be_stopped(server: NatsServer, world: Copies) -> None:
    copy = await world.start("first")
    await server.kill()
    await answers(copy, "/readyz", "not connected to NATS")
    copy.signal(signal.SIGTERM)
    assert await asyncio.wait_for(copy.process.wait(), 10) == 0


async def test_a_service_whose_consumer_is_deleted_ends_loudly(server: NatsServer, world: Copies) -> None:
    copy = await world.start("first")
    consumer = orders_consumer(WORKER, "default")
    async with server.administrator() as administrator:
        await jetstream.api(administrator, f"CONSUMER.DELETE.{ORDERS}.{consumer.name}")
    assert await asyncio.wait_for(copy.process.wait(), 20) == 1
    assert "deleted under us" in world.log()


async def test_a_service_whose_user_is_refused_ends_loudly(world: Copies) -> None:
    copy = await world.launch("first", TIDEGATE_NATS_PASSWORD="wrong")
    assert await asyncio.wait_for(copy.process.wait(), 20) == 1
    assert "Authorization Violation" in world.log()


async def test_settings_that_are_wrong_are_all_told_at_once(world: Copies) -> None:
    copy = await world.launch("first", TIDEGATE_HTTP_PORT="many", TIDEGATE_LOG_LEVEL="loud")
    assert await asyncio.wait_for(copy.process.wait(), 20) == os.EX_CONFIG
    port, level = world.log().splitlines()
    assert port.startswith("TIDEGATE_HTTP_PORT: 'many'")
    assert level.startswith("TIDEGATE_LOG_LEVEL: 'loud'")

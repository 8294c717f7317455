import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.copies import Copies, Orchestrator, copies, orchestrator, order
from support.nats import NatsServer, nats_server
from support.until import until

pytestmark = [pytest.mark.nats, pytest.mark.timeout(180)]

ORDERS = 1000
OBSERVED_S = 5.0
CPU_SHARE_MAX = 0.10
RESIDENT_MAX_MB = 150
PUBLISHERS = 20


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


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def test_a_thousand_orders_are_held_cheaply_and_taken_over_whole(world: Copies, saga: Orchestrator) -> None:
    first = await world.start("first", PERIOD_S="3600")
    idle_mb = resident_mb(first.process.pid)

    async def publish(share: int) -> None:
        for number in range(share, ORDERS, PUBLISHERS):
            await saga.order(order(1, f"web-{number}"), f"web-{number}")

    begun_s = time.monotonic()
    await asyncio.gather(*(publish(share) for share in range(PUBLISHERS)))
    await until(lambda: len(world.acts()) == ORDERS, within_s=30)
    taken_s = time.monotonic() - begun_s
    before_s = cpu_s(first.process.pid)
    await asyncio.sleep(OBSERVED_S)
    share = (cpu_s(first.process.pid) - before_s) / OBSERVED_S
    held_mb = resident_mb(first.process.pid)
    print(f"idle {idle_mb:.0f} MB, {ORDERS} held {held_mb:.0f} MB, {share:.1%} of a core, taken in {taken_s:.1f} s")  # noqa: T201
    assert len(world.acts()) == ORDERS, "none was delivered a second time"
    assert held_mb < RESIDENT_MAX_MB
    assert share < CPU_SHARE_MAX

    await world.start("second", PERIOD_S="3600")
    first.signal(signal.SIGKILL)
    killed_s = time.monotonic()
    await until(lambda: len({act.name for act in world.acts() if act.copy == "second"}) == ORDERS, within_s=10)
    print(f"all taken over in {time.monotonic() - killed_s:.1f} s")  # noqa: T201

"""Copies that race, die between any two lines, and lose their server: each rollout still ends once."""

import asyncio
import signal
from collections import Counter

import msgspec
import pytest
from support.nats import NatsServer
from support.orchestrators import NAMESPACE, Orchestrators, Outsider, died
from support.saga import ANALYSIS, ROUTE, request, step

from tidegate_contracts import subjects
from tidegate_contracts.decisions import PauseStarted, StepStarted
from tidegate_contracts.rollout import Pause as StepPause

pytestmark = [pytest.mark.nats, pytest.mark.usefixtures("services")]

WORKLOADS = 50
STEPS = tuple(step(f"{percent}%") for percent in (20, 60, 100))


async def ask_for(saga: Outsider, number: int) -> None:
    """One rollout of a workload of its own."""
    wanted = msgspec.json.decode(msgspec.json.encode(request(*STEPS, rollout=f"r-{number}")))
    wanted["workload"]["name"] = f"web-{number}"
    await saga.publish(subjects.requests("default", NAMESPACE), msgspec.json.encode(wanted))


async def numbered_gaplessly(saga: Outsider, number: int) -> None:
    revisions = [decision.revision for decision in await saga.decisions(f"web-{number}")]
    assert revisions == list(range(1, len(revisions) + 1))


async def test_two_copies_race_on_fifty_workloads_and_each_rollout_ends_once(
    copies: Orchestrators, saga: Outsider
) -> None:
    await asyncio.gather(copies.start("first"), copies.start("second"))
    await asyncio.gather(*(ask_for(saga, number) for number in range(WORKLOADS)))
    await saga.until_ended(WORKLOADS, within_s=60.0)
    assert await saga.ends() == Counter({f"r-{number}": 1 for number in range(WORKLOADS)})
    for number in range(WORKLOADS):
        await numbered_gaplessly(saga, number)
        assert (await saga.kinds(f"web-{number}"))[-1] == "RolloutCompleted"


@pytest.mark.parametrize("point", ["append:4", "orders:1", "orders:4", "ack:6"])
async def test_a_copy_that_dies_between_two_lines_is_followed_by_another(
    copies: Orchestrators, saga: Outsider, point: str
) -> None:
    """`orders` is the window between a decision and its orders: only the redelivery says them."""
    doomed = await copies.start("doomed", dies=point)
    await saga.ask(request(step("50%", 50, analysis=ANALYSIS), step("100%"), traffic=(ROUTE,), rollout="web-2"))
    await died(doomed)
    await copies.start("second")
    await saga.until_ended(1, within_s=60.0)
    assert await saga.ends() == Counter({"web-2": 1})
    kinds = await saga.kinds()
    assert kinds[-1] == "RolloutCompleted"
    assert kinds.count("StepStarted") == 2
    assert kinds.count("TrafficShiftStarted") == 2


async def test_a_copy_that_was_stopped_and_wakes_up_changes_nothing(copies: Orchestrators, saga: Outsider) -> None:
    first = await copies.start("first")
    for number in range(5):
        await ask_for(saga, number)
    await saga.until_said(StepStarted)
    first.signal(signal.SIGSTOP)
    await copies.start("second")
    await saga.until_ended(5, within_s=60.0)
    before = [len(await saga.decisions(f"web-{number}")) for number in range(5)]
    first.signal(signal.SIGCONT)
    await first.ready()
    await ask_for(saga, 5)
    await saga.until_ended(6)
    assert [len(await saga.decisions(f"web-{number}")) for number in range(5)] == before
    assert set((await saga.ends()).values()) == {1}


async def test_the_server_is_killed_and_every_rollout_goes_on(
    server: NatsServer, copies: Orchestrators, saga: Outsider
) -> None:
    copy = await copies.start()
    await asyncio.gather(*(ask_for(saga, number) for number in range(10)))
    await saga.until_said(StepStarted, 3)
    await server.kill()
    await server.start()
    await saga.until_ended(10, within_s=60.0)
    assert set((await saga.ends()).values()) == {1}
    assert copy.process.returncode is None


async def test_a_graceful_stop_loses_nothing_and_takes_little_time(copies: Orchestrators, saga: Outsider) -> None:
    first = await copies.start("first")
    await asyncio.gather(*(ask_for(saga, number) for number in range(5)))
    await saga.until_said(StepStarted)
    first.signal(signal.SIGTERM)
    async with asyncio.timeout(10.0):
        assert await first.process.wait() == 0
    await copies.start("second")
    await saga.until_ended(5, within_s=60.0)
    assert set((await saga.ends()).values()) == {1}


async def test_a_sweep_finds_what_a_lost_order_and_a_lost_timer_left_undone(
    server: NatsServer, copies: Orchestrators, saga: Outsider
) -> None:
    await copies.start("first", SWEEP_S="1")
    await saga.ask(request(step("50%", pause=StepPause(duration_s=4.0)), step("100%"), rollout="web-2"))
    await saga.until_said(PauseStarted)
    async with server.administrator() as administrator:
        stream = administrator.client.jsm()
        await stream.purge_stream("TIDEGATE_TIMERS")
        await stream.purge_stream("TIDEGATE_ORDERS")
    assert await saga.orders() == {}
    await saga.until_ordered("workload-controller", within_s=10.0)
    await saga.until_ended(1, within_s=20.0)

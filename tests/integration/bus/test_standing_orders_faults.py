import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from support.copies import Copies, Orchestrator, copies, orchestrator, order, release
from support.nats import NatsServer, nats_server
from support.until import until

pytestmark = pytest.mark.nats

TAKEOVER_WITHIN_S = 10.0
OVERLAP_MAX_S = 0.2


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


async def has_acted(world: Copies, copy: str, revision: int, name: str = "web", within_s: float = 15) -> None:
    await until(lambda: world.acted(copy, revision, name), within_s=within_s, what=f"{copy} acts on {name} {revision}")


def acted_since(world: Copies, at_s: float) -> bool:
    return any(act.at_s > at_s for act in world.acts())


async def test_a_killed_holders_order_is_taken_over_within_ten_seconds(world: Copies, saga: Orchestrator) -> None:
    first = await world.start("first")
    await saga.order(order(1))
    await has_acted(world, "first", 1)
    await world.start("second")
    first.signal(signal.SIGKILL)
    killed_s = time.monotonic()
    await has_acted(world, "second", 1, within_s=TAKEOVER_WITHIN_S)
    took_over_s = next(act.at_s for act in world.acts() if act.copy == "second")
    assert took_over_s - killed_s < TAKEOVER_WITHIN_S


async def test_a_paused_holder_does_not_act_any_more_once_it_is_resumed(world: Copies, saga: Orchestrator) -> None:
    first = await world.start("first")
    await saga.order(order(1))
    await has_acted(world, "first", 1)
    await world.start("second")
    first.signal(signal.SIGSTOP)
    paused_s = time.monotonic()
    await has_acted(world, "second", 1)
    took_over_s = next(act.at_s for act in world.acts() if act.copy == "second")
    assert 3 < took_over_s - paused_s < 8
    await asyncio.sleep(1)
    resumed_s = time.monotonic()
    first.signal(signal.SIGCONT)
    await asyncio.sleep(2)
    zombie_acts = [act for act in world.acts() if act.copy == "first" and act.at_s > resumed_s]
    assert zombie_acts == []
    # It is no outcast: it takes orders again.
    await saga.order(order(2))
    await until(lambda: any(act.revision == 2 for act in world.acts()))


async def test_a_short_pause_costs_a_holder_nothing(world: Copies, saga: Orchestrator) -> None:
    first = await world.start("first")
    await saga.order(order(1))
    await has_acted(world, "first", 1)
    await world.start("second")
    first.signal(signal.SIGSTOP)
    await asyncio.sleep(1.5)
    first.signal(signal.SIGCONT)
    resumed_s = time.monotonic()
    await until(lambda: any(act.copy == "first" and act.at_s > resumed_s for act in world.acts()))
    await asyncio.sleep(5)
    assert not world.acted("second", 1)


async def test_copies_share_the_orders_and_no_order_is_held_twice(world: Copies, saga: Orchestrator) -> None:
    await world.start("first")
    await world.start("second")
    names = [f"web-{number}" for number in range(20)]
    for name in names:
        await saga.order(order(1, name), name)
    await until(lambda: {act.name for act in world.acts()} >= set(names))
    holders = {name: {act.copy for act in world.acts() if act.name == name} for name in names}
    assert all(len(holding) == 1 for holding in holders.values())
    assert {act.copy for act in world.acts()} == {"first", "second"}


async def test_a_newer_order_held_by_another_copy_ends_the_older_one_at_once(world: Copies, saga: Orchestrator) -> None:
    await world.start("first")
    await world.start("second")
    holders: set[str] = set()
    for revision in range(1, 30):
        await saga.order(order(revision))
        await until(partial(world.knows, revision), within_s=15)
        await asyncio.sleep(0.05)
        holders |= {act.copy for act in world.acts() if act.revision == revision}
    acts = sorted(world.acts(), key=lambda act: act.at_s)
    for revision in range(1, 29):
        ended_s = max(act.at_s for act in acts if act.revision == revision)
        begun_s = min(act.at_s for act in acts if act.revision == revision + 1)
        assert ended_s - begun_s < OVERLAP_MAX_S, f"{revision} was acted on {ended_s - begun_s} s too long"


async def test_orders_survive_a_killed_server_and_are_still_held_once(
    server: NatsServer, world: Copies, saga: Orchestrator
) -> None:
    await world.start("first")
    await saga.order(order(1))
    await has_acted(world, "first", 1)
    await world.start("second")
    for _ in range(3):
        await server.kill()
        await asyncio.sleep(1)
        await server.start()
        restarted_s = time.monotonic()
        await until(partial(acted_since, world, restarted_s + 1), within_s=15)
    assert await saga.order(release(2))
    await until(lambda: any(act.revision == 2 for act in world.acts()), within_s=15)
    await asyncio.sleep(0.3)
    released_s = max(act.at_s for act in world.acts() if act.revision == 2)
    assert max(act.at_s for act in world.acts() if act.revision == 1) < released_s + OVERLAP_MAX_S
    assert longest_overlap_s(world) < OVERLAP_MAX_S


async def test_a_holder_stops_acting_before_its_frozen_server_may_give_the_order_away(
    server: NatsServer, world: Copies, saga: Orchestrator
) -> None:
    await world.start("first")
    await saga.order(order(1))
    await has_acted(world, "first", 1)
    server.pause()
    frozen_s = time.monotonic()
    await asyncio.sleep(7)
    last_act_s = max(act.at_s for act in world.acts())
    server.resume()
    assert last_act_s - frozen_s < 5.0
    resumed_s = time.monotonic()
    await until(lambda: any(act.at_s > resumed_s for act in world.acts()), within_s=15, what="it acts again")


async def test_a_stopped_copy_hands_its_order_to_another_within_a_second(world: Copies, saga: Orchestrator) -> None:
    first = await world.start("first")
    await saga.order(order(1))
    await has_acted(world, "first", 1)
    second = await world.start("second")
    first.signal(signal.SIGTERM)
    stopped_s = time.monotonic()
    await has_acted(world, "second", 1)
    taken_s = min(act.at_s for act in world.acts() if act.copy == "second")
    assert taken_s - stopped_s < 1.0
    assert await first.process.wait() == 0
    second.signal(signal.SIGTERM)
    assert await second.process.wait() == 0


def longest_overlap_s(world: Copies) -> float:
    """For how long two copies acted at the same time on the same order."""
    longest_s = 0.0
    for _, acts in itertools.groupby(sorted(world.acts(), key=lambda act: act.name), key=lambda act: act.name):
        ordered = sorted(acts, key=lambda act: act.at_s)
        switches = [later.at_s for earlier, later in itertools.pairwise(ordered) if earlier.copy != later.copy]
        gaps = itertools.groupby(itertools.pairwise(switches), key=lambda pair: pair[1] - pair[0] < OVERLAP_MAX_S)
        for is_close, pairs in gaps:
            if is_close:
                listed = list(pairs)
                longest_s = max(longest_s, listed[-1][1] - listed[0][0])
    return longest_s

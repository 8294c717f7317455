"""Turns at a provider: how many a namespace has, who comes next, that none is lost. Slow namespaces delay no other."""

import asyncio
import time
from contextlib import AsyncExitStack

from hypothesis import given
from hypothesis import strategies as st
from support.metric_providers import ScriptedProvider
from support.standing import GOOD, check
from support.until import until

from tidegate_chassis.clock import SystemClock
from tidegate_metrics_analyzer.measure import PARALLEL_QUESTIONS_MAX, Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.run import Run
from tidegate_metrics_analyzer.turns import Turns

PLACES = 32


class Asking:
    """Takes turns and keeps each until told."""

    def __init__(self, places: int = PLACES) -> None:
        self.turns = Turns(places)
        self.came: list[str] = []
        self.under_way: list[tuple[str, asyncio.Event]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def asks(self, namespace: str, times: int = 1) -> None:
        self.tasks += [asyncio.create_task(self._ask(namespace)) for _ in range(times)]
        await settled()

    async def answered(self, namespace: str) -> None:
        _, done = next(turn for turn in self.under_way if turn[0] == namespace)
        done.set()
        await settled()

    def held(self, namespace: str) -> int:
        return [name for name, _ in self.under_way].count(namespace)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _ask(self, namespace: str) -> None:
        async with self.turns.turn(namespace):
            turn = (namespace, asyncio.Event())
            self.came.append(namespace)
            self.under_way.append(turn)
            try:
                await turn[1].wait()
            finally:
                self.under_way.remove(turn)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_slow_namespace_leaves_half_and_four_leave_a_place_for_each_that_one_of_them_holds() -> None:
    asking = Asking()
    await asking.asks("slow-0", 100)
    assert asking.held("slow-0") == PLACES // 2
    await asking.end()

    asking = Asking()
    for _ in range(100):
        for name in range(4):
            await asking.asks(f"slow-{name}")
    assert [asking.held(f"slow-{name}") for name in range(4)] == [7, 7, 6, 6]
    await asking.asks("quick", 3)
    assert asking.held("quick") == 3
    await asking.end()


async def test_a_namespace_without_a_turn_gets_the_last_place() -> None:
    asking = Asking(places=4)
    for name in ("a", "b", "c"):
        await asking.asks(name, 10)
    assert [asking.held(name) for name in ("a", "b", "c")] == [2, 1, 1]
    await asking.end()


async def test_the_place_that_comes_free_goes_to_who_holds_least_and_then_round_and_round() -> None:
    asking = Asking(places=2)
    await asking.asks("a", 3)
    await asking.asks("b", 3)
    await asking.asks("c", 3)
    for _ in range(6):
        await asking.answered(asking.under_way[0][0])
    assert asking.came == ["a", "b", "a", "b", "c", "a", "b", "c"]
    await asking.end()


async def test_who_gives_up_leaves_its_place_and_its_turn_to_the_others() -> None:
    asking = Asking(places=2)
    await asking.asks("a", 4)
    for task in asking.tasks[:3]:
        task.cancel()
    await settled()
    assert len(asking.under_way) == 1
    await asking.answered("a")
    await asking.asks("b", 1)
    assert asking.held("b") == 1
    await asking.end()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["asks", "answered", "gives up"])), max_size=60))
def test_places_are_neither_lost_nor_doubled_and_none_waits_without_need(acts: list[tuple[str, str]]) -> None:
    async def play() -> None:
        asking = Asking(places=5)
        for name, act in acts:
            if act == "asks":
                await asking.asks(name)
            elif act == "answered" and asking.held(name):
                await asking.answered(name)
            elif act == "gives up" and (running := [task for task in asking.tasks if not task.done()]):
                running[len(running) // 2].cancel()
                await settled()
            free = 5 - len(asking.under_way)
            waiting = len([task for task in asking.tasks if not task.done()]) - len(asking.under_way)
            assert free >= 0
            assert free <= max(map(asking.held, "abc")) or not waiting
        await asking.end()
        asking.tasks.clear()
        await asking.asks("d", 5)
        assert asking.held("d") == 3, "five places less those that stay free for others"
        await asking.end()

    asyncio.run(play())


async def test_checks_of_a_quick_namespace_are_measured_in_time_beside_four_slow_ones_of_the_same_provider() -> None:
    provider = ScriptedProvider(hanging=[None], errors=[GOOD])
    measurer = Measurer({"scripted": provider}, SystemClock())
    async with AsyncExitStack() as stack:
        for number in range(4 * PARALLEL_QUESTIONS_MAX):
            slow = Run((check("hanging"),), subject(f"slow-{number % 4}"), time.time() - 100)
            await stack.enter_async_context(slow.measuring(measurer, SystemClock()))
        await until(lambda: len(provider.questions) >= 4, what="the slow namespaces' questions")
        quick = Run((check(),), subject("quick"), time.time() - 100)
        await stack.enter_async_context(quick.measuring(measurer, SystemClock()))
        async with asyncio.timeout(1):
            while quick.verdicts() != ("pass",):
                await quick.change()


def subject(namespace: str) -> Subject:
    return Subject(namespace=namespace, workload="web", stable_revision="a", revision="b")

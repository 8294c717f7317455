"""The same question of one second is asked once, and no answer of it serves anybody twice."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_metrics_analyzer import window
from tidegate_metrics_analyzer.question import Reach
from tidegate_metrics_analyzer.sharing import Shared, Sharing

ANY_MOMENT = 0.0


class Server:
    """Answers with the number of the question; waits as long as `held` isn't set."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.asked = 0
        self.held = asyncio.Event()
        if is_open:
            self.held.set()

    async def answer(self) -> int:
        self.asked += 1
        number = self.asked
        await self.held.wait()
        return number


async def test_all_who_ask_within_a_second_get_one_answer() -> None:
    sharing, server = Sharing[int](), Server()
    found = [await sharing.ask("q", at_s, ANY_MOMENT, server.answer) for at_s in (10.0, 10.4, 10.999)]
    assert found == [Shared(1, 10.0)] * 3
    assert await sharing.ask("q", 11.0, ANY_MOMENT, server.answer) == Shared(2, 11.0)
    assert await sharing.ask("other", 11.0, ANY_MOMENT, server.answer) == Shared(3, 11.0)


async def test_an_answer_that_is_under_way_is_waited_for() -> None:
    sharing, server = Sharing[int](), Server(is_open=False)
    waiting = [asyncio.create_task(sharing.ask("q", 10.0 + n / 10, ANY_MOMENT, server.answer)) for n in range(5)]
    await asyncio.sleep(0)
    server.held.set()
    assert await asyncio.gather(*waiting) == [Shared(1, 10.0)] * 5


@pytest.mark.parametrize(
    ("at_s", "not_before_s"),
    [
        pytest.param(10.9, 10.5, id="it was counted already, or looks back too far"),
        pytest.param(10.9, None, id="it wants one of its own"),
        pytest.param(10.3, ANY_MOMENT, id="it asks for an earlier moment"),
        pytest.param(11.0, ANY_MOMENT, id="it asks in another second"),
    ],
)
async def test_an_answer_that_is_of_no_use_is_asked_for_anew(at_s: float, not_before_s: float | None) -> None:
    sharing, server = Sharing[int](), Server()
    await sharing.ask("q", 10.4, ANY_MOMENT, server.answer)
    assert await sharing.ask("q", at_s, not_before_s, server.answer) == Shared(2, at_s)


async def test_who_gives_up_waiting_takes_the_answer_from_nobody_else() -> None:
    sharing, server = Sharing[int](), Server(is_open=False)
    first, *others = [asyncio.create_task(sharing.ask("q", 10.0, ANY_MOMENT, server.answer)) for _ in range(4)]
    await asyncio.sleep(0)
    others.pop().cancel()
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    server.held.set()
    assert await asyncio.gather(*others) == [Shared(2, 10.0)] * 2


async def test_who_breaks_asking_breaks_nobody_else() -> None:
    sharing, server = Sharing[int](), Server(is_open=False)

    async def breaks() -> int:
        await server.held.wait()
        raise ZeroDivisionError

    first = asyncio.create_task(sharing.ask("q", 10.0, ANY_MOMENT, breaks))
    await asyncio.sleep(0)
    second = asyncio.create_task(sharing.ask("q", 10.0, ANY_MOMENT, server.answer))
    await asyncio.sleep(0)
    server.held.set()
    with pytest.raises(ZeroDivisionError):
        await first
    assert await second == Shared(1, 10.0)


@given(
    st.lists(
        st.tuples(st.floats(0.1, 3.0), st.floats(0.0, 1.0), st.floats(0.0, 0.3)), min_size=1, max_size=5
    )  # each analysis' interval, its beginning, and how late it always is
)
async def test_no_answer_is_counted_twice_by_one_analysis_however_often_it_measures(
    analyses: list[tuple[float, float, float]],
) -> None:
    sharing, server = Sharing[int](), Server()
    due = sorted(
        (1000.0 + begin_s + tick * interval_s + min(late_s, interval_s / 2), number)
        for number, (interval_s, begin_s, late_s) in enumerate(analyses)
        for tick in range(8)
    )
    counted: dict[int, list[float]] = {number: [] for number in range(len(analyses))}
    last_s = dict.fromkeys(counted, 0.0)
    for at_s, number in due:
        found = await sharing.ask("q", at_s, math.nextafter(last_s[number], math.inf), server.answer)
        last_s[number] = at_s
        counted[number].append(found.of_s)
        assert at_s - 1 < found.of_s <= at_s
    for moments in counted.values():
        assert moments == sorted(set(moments))
    assert server.asked <= len(due)


@given(st.floats(1.0, 300.0), st.floats(0.0, 60.0), st.integers(1, 3), st.booleans(), st.floats(0.0, 100.0))
def test_from_the_moment_on_that_an_answer_is_of_use_no_window_reaches_over_the_start(
    window_s: float, fixed_s: float, windows: int, nested: bool, later_s: float
) -> None:
    reach, since_s = Reach(fixed_s=fixed_s, windows=windows, nested=nested), 1_000_000.0
    soonest_s = window.not_before_s(reach, since_s, window_s)
    looked_back_s = fixed_s + windows * window_s if nested else max(fixed_s, window_s)
    assert soonest_s + later_s - looked_back_s >= since_s - 1e-6
    assert soonest_s == pytest.approx(since_s + looked_back_s)

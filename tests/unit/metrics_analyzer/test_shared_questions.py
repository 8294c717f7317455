"""The same question of one second is asked once, and no answer of it serves anybody twice."""

import asyncio
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import ManualClock
from support.metric_providers import ScriptedProvider

from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import sharing as sharing_module
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Answer, Question, Reach, Subject, Unusable
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


async def test_of_those_who_measure_at_the_same_moments_only_the_first_asks() -> None:
    sharing, server = Sharing[int](), Server()
    for second in range(5):
        for analysis in range(4):
            at_s = 1000.0 + second + analysis / 10
            await sharing.ask("q", at_s, math.nextafter(at_s - 1, math.inf), server.answer)
    assert server.asked == 5


async def test_what_is_old_is_forgotten_though_the_oldest_question_is_not_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing_module, "KEPT_S", -1.0)
    sharing, held, server = Sharing[int](), Server(is_open=False), Server()
    waiting = [asyncio.create_task(sharing.ask("held", 10.0, ANY_MOMENT, held.answer)) for _ in range(2)]
    await asyncio.sleep(0)
    for number in range(100):
        await sharing.ask(number, 10.0, ANY_MOMENT, server.answer)
    assert list(sharing._asked) == [99]
    held.held.set()
    assert await waiting[0] == Shared(1, 10.0)
    await waiting[1]


class Sharer(ScriptedProvider):
    """Answers the value's query with a moment that another analysis asked of, if that is of use; else with now's."""

    def __init__(self, shared_of_s: float, count_reaches_s: float) -> None:
        super().__init__(value=[1.0], count=[5.0])
        self.shared_of_s = shared_of_s
        self.count_reaches_s = count_reaches_s

    def reach(self, template: str) -> Reach:
        return Reach(fixed_s=self.count_reaches_s) if template == "count" else Reach()

    async def ask(self, question: Question) -> Answer | Unusable:
        assert question.not_before_s is not None
        is_shared = question.query == "value" and question.not_before_s <= self.shared_of_s
        asked = msgspec.structs.replace(question, at_s=self.shared_of_s) if is_shared else question
        answer = await super().ask(asked)
        return answer if isinstance(answer, Unusable) else msgspec.structs.replace(answer, of_s=asked.at_s)


@pytest.mark.parametrize(
    ("count_reaches_s", "asked_s"),
    [
        pytest.param(10.0, [1_000_000.1, 1_000_000.1], id="both fit into the step at the shared moment"),
        pytest.param(300.0, [1_000_000.5, 1_000_000.5], id="the count would look back over its start"),
    ],
)
async def test_no_shared_value_makes_its_count_look_back_over_the_start(
    count_reaches_s: float, asked_s: list[float]
) -> None:
    now_s = 1_000_000.5
    provider = Sharer(now_s - 0.4, count_reaches_s)
    check = Check(
        name="errors",
        query="value",
        provider="p",
        maximum=2.0,
        window_s=10.0,
        minimum_samples_query="count",
        minimum_samples=1,
    )
    subject = Subject(namespace="shop", workload="web", stable_revision="a", revision="b")
    measured = await Measurer({"p": provider}, ManualClock(now_s)).measure(check, subject, now_s - 300.2)
    assert measured.reading == 1.0
    assert [question.at_s for question in provider.questions] == asked_s

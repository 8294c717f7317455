"""One order's analysis that waits for what is told from outside: acted on at once, never passed by silence."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from support.metric_providers import ScriptedProvider
from support.standing import Standing, order, running
from support.until import until

from tidegate_chassis.message import Message
from tidegate_contracts import subjects
from tidegate_contracts.codec import encode
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict, VerdictWord
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.verdicts import AlertNotified, VerdictGiven
from tidegate_metrics_analyzer.outside import Wanted

GOOD = Check(name="errors", query="errors", provider="scripted", maximum=0.05, interval_s=0.005, window_s=1e6)
TESTS = AwaitedVerdict(name="tests")
TESTS_OF_OTHERS = AwaitedVerdict(name="others")
PAGES = AlertWatch(name="pages", labels={"deployment": "{{workload}}"})


class ScriptedOutside:
    """Streams in memory: what was told stays, and whoever follows hears it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.readable = asyncio.Event()
        self.readable.set()
        self._more = asyncio.Condition()

    def verdicts_on(self, namespace: str, rollout: str) -> str:
        return subjects.rollout_verdicts("default", namespace, rollout)

    def alerts_in(self, namespace: str) -> str:
        return subjects.alerts("default", namespace)

    def key(self, namespace: str, name: str) -> str:
        raise ValueError(f"the key {name} of the namespace {namespace} can't be read")

    async def follow(self, wanted: Wanted) -> NoReturn:
        await self.readable.wait()
        position = 0
        place = wanted.subject_filter.removesuffix(".*")
        while True:
            for message in self.messages[position:]:
                if message.subject in (place, f"{place}.{message.subject.rpartition('.')[2]}"):
                    await wanted.take(message)
            if position == 0:
                wanted.read()
            position = len(self.messages)
            async with self._more:
                while len(self.messages) == position:
                    await self._more.wait()

    async def tell(self, subject: str, payload: bytes) -> None:
        fields: dict[str, Any] = {"headers": {}, "stream": "s", "sequence": 1, "deliveries": 0, "id": "m-1"}
        self.messages.append(Message(subject=subject, payload=payload, time_s=time.time(), **fields))
        async with self._more:
            self._more.notify_all()

    async def give(self, word: VerdictWord, *, check: str = "tests", step: int | None = 2) -> None:
        verdict = VerdictGiven(verdict=word, reason="so it is", step=step, by="alice")
        await self.tell(subjects.verdict("default", "shop", "r", check), encode(verdict))

    async def alert(self, status: str = "firing", **labels: str) -> None:
        alert = AlertNotified(
            alert="E",
            fingerprint="f",
            status=status,  # type: ignore[arg-type]
            starts_at_s=time.time(),
            ends_at_s=time.time() if status == "resolved" else None,
            labels=labels or {"deployment": "web"},
        )
        await self.tell(subjects.alerts("default", "shop"), encode(alert))


class Told(Standing):
    """Facts are taken one by one."""

    def __init__(self, told: Analyse, outside: ScriptedOutside) -> None:
        super().__init__(told, ScriptedProvider(errors=[0.01]), outside)
        self.taken = 0

    @property
    def is_silent(self) -> bool:
        return len(self.facts) == self.taken

    async def verdict(self) -> AnalysisConcluded:
        await self.until(lambda: not self.is_silent)
        self.taken += 1
        return self.facts[self.taken - 1]

    async def measured(self, times: int) -> None:
        await until(lambda: len(self.provider.questions) >= times)


@asynccontextmanager
async def standing(told: Analyse, outside: ScriptedOutside) -> AsyncIterator[Told]:
    async with running(Told(told, outside)) as it:
        yield it


async def test_a_step_passes_only_when_the_verdict_says_so() -> None:
    outside = ScriptedOutside()
    async with standing(order(Analysis(checks=(GOOD,), verdicts=(TESTS,))), outside) as it:
        await it.measured(10)
        assert it.is_silent
        await outside.give("pass", check="another")
        await outside.give("pass", step=3)
        await it.measured(len(it.provider.questions) + 3)
        assert it.is_silent
        await outside.give("pass")
        fact = await it.verdict()
    assert (fact.verdict, fact.reason) == ("pass", "all of 2 checks passed")
    assert fact.measurements[1].query == "tidegate.verdicts.default.shop.r.tests"


async def test_a_failing_verdict_ends_the_step_at_once() -> None:
    outside = ScriptedOutside()
    async with standing(
        order(Analysis(checks=(GOOD,), verdicts=(TESTS, AwaitedVerdict(name="people")))), outside
    ) as it:
        await outside.give("fail", step=None)
        fact = await it.verdict()
    assert (fact.verdict, fact.reason) == ("fail", "tests: alice says fail: so it is")
    assert fact.measurements[1].told is not None


async def test_one_that_was_given_before_another_copy_took_over_counts() -> None:
    outside = ScriptedOutside()
    await outside.give("fail")
    async with standing(order(Analysis(verdicts=(TESTS,))), outside) as it:
        assert (await it.verdict()).verdict == "fail"


async def test_an_inconclusive_verdict_and_silence_are_no_pass() -> None:
    outside = ScriptedOutside()
    async with standing(order(Analysis(checks=(GOOD,), verdicts=(TESTS,))), outside) as it:
        await outside.give("inconclusive")
        assert (await it.verdict()).verdict == "inconclusive"
    limited = AwaitedVerdict(name="tests", within_s=1.0)
    async with standing(order(Analysis(verdicts=(limited,))), ScriptedOutside()) as it:
        fact = await it.verdict()
    assert (fact.verdict, fact.reason) == ("inconclusive", "tests: nobody gave a verdict within 1 s")
    async with standing(order(Analysis(verdicts=(TESTS,)), deadline_s=0.01), ScriptedOutside()) as it:
        fact = await it.verdict()
    assert (fact.verdict, fact.reason) == ("inconclusive", "no verdict within 0.01 s; tests: no verdict was given")


async def test_a_key_that_is_not_there_makes_the_step_inconclusive_at_once() -> None:
    signed = AwaitedVerdict(name="tests", signed_by=("ci",))
    async with standing(order(Analysis(verdicts=(signed, TESTS_OF_OTHERS))), ScriptedOutside()) as it:
        fact = await it.verdict()
    assert fact.verdict == "inconclusive"
    assert fact.reason.startswith("tests: it can't be given: the key ci of the namespace shop can't be read")


async def test_in_the_background_a_key_that_is_not_there_does_not_keep_alerts_from_being_watched() -> None:
    outside = ScriptedOutside()
    background = Analysis(verdicts=(AwaitedVerdict(name="tests", signed_by=("ci",)),), alerts=(PAGES,))
    async with standing(order(background=background), outside) as it:
        assert (await it.verdict()).verdict == "inconclusive"
        await outside.alert()
        assert (await it.verdict()).verdict == "fail"


async def test_an_alert_fails_a_step_whose_checks_pass() -> None:
    outside = ScriptedOutside()
    slow = AwaitedVerdict(name="people")
    async with standing(order(Analysis(checks=(GOOD,), verdicts=(slow,), alerts=(PAGES,))), outside) as it:
        await outside.alert("resolved")
        await outside.alert(deployment="other")
        await it.measured(len(it.provider.questions) + 3)
        assert it.is_silent
        await outside.alert()
        fact = await it.verdict()
    assert fact.verdict == "fail"
    assert fact.reason.startswith("pages: the alert E has fired since")


async def test_no_step_passes_while_alerts_can_not_be_read() -> None:
    outside = ScriptedOutside()
    outside.readable.clear()
    async with standing(order(Analysis(checks=(GOOD,), alerts=(PAGES,))), outside) as it:
        await it.measured(10)
        assert it.is_silent
        outside.readable.set()
        assert (await it.verdict()).verdict == "pass"


async def test_in_the_background_bad_news_is_told_once_and_silence_is_none() -> None:
    outside = ScriptedOutside()
    background = Analysis(verdicts=(AwaitedVerdict(name="tests", within_s=1.0),), alerts=(PAGES,))
    async with standing(order(Analysis(checks=(GOOD,)), background), outside) as it:
        fact = await it.verdict()
        assert (fact.scope, fact.verdict) == ("step", "pass")
        await outside.give("pass", step=1)
        await outside.give("fail", step=1)
        fact = await it.verdict()
        assert (fact.scope, fact.verdict, fact.reason) == ("background", "fail", "tests: alice says fail: so it is")
        await outside.give("fail", step=1)
        await outside.alert()
        await asyncio.sleep(0.05)
        assert it.is_silent


async def test_what_makes_no_sense_is_left_alone() -> None:
    outside = ScriptedOutside()
    async with standing(order(Analysis(verdicts=(TESTS,), alerts=(PAGES,))), outside) as it:
        for check in ("tests", "TESTS", "te%sts", "\u2603"):
            await outside.tell(f"tidegate.verdicts.default.shop.r.{check}", b"nonsense")
        await outside.tell(subjects.alerts("default", "shop"), b"nonsense")
        await outside.give("pass")
        fact = await it.verdict()
    assert fact.verdict == "pass"

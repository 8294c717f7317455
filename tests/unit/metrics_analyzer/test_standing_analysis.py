"""One order's analyses: the step's to its one verdict, the background's on and on, with every fault becoming doubt."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from support.metric_providers import ScriptedProvider, Told
from support.standing import BAD, GOOD, NONE, Standing, check, order, standing, verdict_on
from support.until import until

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import analysis, asking
from tidegate_metrics_analyzer.measure import PARALLEL_QUESTIONS_MAX, Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.run import Run


async def test_a_step_passes_when_every_check_has_enough_passes() -> None:
    fact = await verdict_on(order([check(), check("latency", count=5)]), errors=[GOOD], latency=[GOOD])
    assert (fact.scope, fact.step, fact.verdict, fact.order_revision) == ("step", 2, "pass", 7)
    assert [found.verdict for found in fact.measurements] == ["pass", "pass"]
    assert [found.measured >= least for found, least in zip(fact.measurements, (3, 5), strict=True)] == [True, True]
    assert fact.measurements[0].values[:3] == (GOOD, GOOD, GOOD)


async def test_a_step_fails_at_once_though_other_checks_are_undecided() -> None:
    fact = await verdict_on(order([check(), check("latency", count=1000)]), errors=[GOOD, BAD], latency=[GOOD])
    assert fact.verdict == "fail"
    assert fact.reason.startswith("errors: 2 measurements in a row were not at most 0.05")


async def test_a_check_that_passed_must_still_hold_at_the_end() -> None:
    fact = await verdict_on(
        order([check(), check("latency", count=10)]), errors=[*[GOOD] * 5, BAD], latency=[*[GOOD] * 9, NONE, GOOD]
    )
    assert fact.verdict == "fail"


async def test_missing_values_end_as_inconclusive_with_the_reason() -> None:
    fact = await verdict_on(order([check(inconclusive_limit=3)]), errors=[GOOD, NONE])
    assert fact.verdict == "inconclusive"
    assert "no data" in fact.reason
    assert fact.measurements[0].values == (GOOD, None, None, None)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(check(provider="datadog"), "unknown metric provider 'datadog'", id="unknown provider"),
        pytest.param(check(provider="unset"), "it is not configured", id="provider that isn't configured"),
        pytest.param(check(query="broken"), "the query is broken", id="query that can't be asked"),
        pytest.param(
            check(minimum_samples_query="broken"), "the query is broken", id="samples query that can't be asked"
        ),
    ],
)
async def test_a_check_that_cannot_be_measured_is_inconclusive_at_once(broken: Check, reason: str) -> None:
    fact = await verdict_on(order([broken, check("latency", count=1000)]), latency=[GOOD])
    assert fact.verdict == "inconclusive"
    assert reason in fact.reason


async def test_a_hostile_name_is_refused_before_anything_is_asked() -> None:
    fact = await verdict_on(order([check()], canary='b"} or vector(0) #'), errors=[GOOD])
    assert fact.verdict == "inconclusive"
    assert "revision of the order must be" in fact.reason


async def test_a_step_without_a_verdict_by_its_deadline_is_inconclusive() -> None:
    fact = await verdict_on(order([check(count=1000)], deadline_s=0.1), errors=[GOOD])
    assert fact.verdict == "inconclusive"
    assert fact.reason.startswith("no verdict within 0.1 s; errors: ")


async def test_flapping_values_never_pass() -> None:
    fact = await verdict_on(order([check(count=2)], deadline_s=0.3), errors=[GOOD, BAD] * 500)
    assert fact.verdict == "inconclusive"
    assert fact.measurements[0].failed >= 2


async def test_a_providers_bug_is_doubt_not_a_crash() -> None:
    fact = await verdict_on(order([check(inconclusive_limit=2)]), errors=[ZeroDivisionError()])
    assert fact.verdict == "inconclusive"
    assert "the provider broke: ZeroDivisionError" in fact.reason


async def test_a_provider_that_never_answers_is_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ASK_TIMEOUT_S", 0.05)
    fact = await verdict_on(order([check(inconclusive_limit=2)]), errors=[None])
    assert fact.verdict == "inconclusive"
    assert "no answer within" in fact.reason


async def test_a_check_that_hangs_does_not_delay_the_failure_of_another() -> None:
    async with asyncio.timeout(2):
        fact = await verdict_on(order([check("hanging"), check()]), hanging=[None], errors=[BAD])
    assert fact.verdict == "fail"


async def test_a_provider_that_hangs_for_many_rollouts_delays_no_verdict_of_another_provider() -> None:
    """It is asked by more checks than may be under way, and stays silent."""
    slow, quick = ScriptedProvider(hanging=[None]), ScriptedProvider(errors=[BAD])
    measurer = Measurer({"slow": slow, "scripted": quick}, SystemClock())
    subject = Subject(namespace="shop", workload="web", stable_revision="a", revision="b")
    hanging = Run((check("hanging", provider="slow"),), subject, time.time() - 100)
    async with AsyncExitStack() as stack:
        for _ in range(2 * PARALLEL_QUESTIONS_MAX):
            await stack.enter_async_context(hanging.measuring(measurer, SystemClock()))
        await until(lambda: len(slow.questions) == PARALLEL_QUESTIONS_MAX // 2, what="as many questions as may be")
        other = Run((check(),), subject, time.time() - 100)
        await stack.enter_async_context(other.measuring(measurer, SystemClock()))
        async with asyncio.timeout(2):
            while other.verdicts() != ("fail",):
                await other.change()
    assert len(slow.questions) == PARALLEL_QUESTIONS_MAX // 2


async def test_too_few_samples_are_inconclusive() -> None:
    counted = check(minimum_samples_query="count", minimum_samples=100.0, inconclusive_limit=2)
    fact = await verdict_on(order([counted]), errors=[GOOD], count=[99.0])
    assert fact.verdict == "inconclusive"
    assert "too few samples: 99 of at least 100" in fact.reason


async def test_the_background_reports_each_turn_to_the_bad_once() -> None:
    values: list[Told] = [*[GOOD] * 5, BAD, BAD, BAD, BAD, GOOD, GOOD, BAD, BAD, GOOD]
    async with standing(order(background=[check()]), errors=values) as it:
        await it.until(lambda: len(it.facts) == 2)
        provider = it.analysis.background
        assert provider is not None
        await asyncio.sleep(0.1)
        assert [(fact.scope, fact.verdict) for fact in it.facts] == [("background", "fail")] * 2


async def test_the_background_reports_doubt_and_goes_on_to_a_failure() -> None:
    values: list[Told] = [GOOD, NONE, NONE, NONE, BAD]
    async with standing(order(background=[check(inconclusive_limit=2)]), errors=values) as it:
        await it.until(lambda: len(it.facts) == 2)
        assert [fact.verdict for fact in it.facts] == ["inconclusive", "fail"]


async def test_a_provider_that_comes_and_goes_cannot_fill_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "BACKGROUND_REPORTS_MAX", 3)
    flapping = check(inconclusive_limit=1, interval_s=0.001)
    async with asyncio.timeout(5):
        it = Standing(order(background=[flapping]), ScriptedProvider(errors=[NONE, GOOD] * 100))
        await it.run()
    assert len(it.facts) == 3


async def test_a_background_check_that_cannot_be_measured_is_reported_once_beside_the_others() -> None:
    broken = check("broken", provider="datadog")
    async with standing(order(background=[broken, check()]), errors=[*[GOOD] * 5, BAD]) as it:
        await it.until(lambda: len(it.facts) == 2)
        assert [fact.verdict for fact in it.facts] == ["inconclusive", "fail"]
        assert "unknown metric provider" in it.facts[0].reason


async def test_the_background_goes_on_after_the_steps_verdict() -> None:
    values: list[Told] = [*[GOOD] * 20, BAD]
    async with standing(order([check("latency")], [check()]), errors=values, latency=[GOOD]) as it:
        await it.until(lambda: len(it.facts) == 2)
        assert [(fact.scope, fact.verdict) for fact in it.facts] == [("step", "pass"), ("background", "fail")]


async def test_the_background_waits_for_the_new_revision_to_exist() -> None:
    it = Standing(order(background=[check()], canary=None), ScriptedProvider(errors=[BAD]))
    async with asyncio.timeout(2):
        await it.run()
    assert it.facts == []


async def test_every_window_starts_after_the_step_did() -> None:
    provider = ScriptedProvider(errors=[GOOD])
    told = order([check(window_s=1000.0)])
    await Standing(told, provider).run()
    for question in provider.questions:
        assert question.at_s - question.window_s >= told.since_s
        assert question.window_s >= 99


async def test_measurements_are_shown_as_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "TELEMETRY_INTERVAL_S", 0.01)
    async with standing(order([check(count=1000)], [check("latency")]), errors=[GOOD], latency=[GOOD]) as it:
        await it.until(lambda: len(it.telemetry) >= 2 and len(it.telemetry[-1].measurements) == 2)
        shown = it.telemetry[-1]
        assert (shown.rollout, shown.step) == ("r", 2)
        assert [found.check for found in shown.measurements] == ["errors", "latency"]
        assert shown.measurements[0].reason.endswith("of 1000 measurements were at most 0.05 so far")


async def test_an_analysis_that_is_over_within_the_first_interval_is_shown_all_the_same() -> None:
    it = Standing(order([check()]), ScriptedProvider(errors=[GOOD]))
    async with asyncio.timeout(analysis.TELEMETRY_INTERVAL_S * 0.9):
        await it.run()
    (shown,) = it.telemetry
    assert shown.measurements == it.facts[0].measurements


async def test_more_measurements_than_one_message_holds_are_shown_in_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(analysis, "TELEMETRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(analysis, "MEASUREMENTS_PER_MESSAGE_MAX", 2)
    names = ("a", "b", "c")
    async with standing(order([check(name, count=1000) for name in names]), a=[GOOD], b=[GOOD], c=[GOOD]) as it:
        await it.until(lambda: any(len(shown.measurements) == 1 for shown in it.telemetry[3:]))
        assert {found.check for shown in it.telemetry for found in shown.measurements} == set(names)
        assert max(len(shown.measurements) for shown in it.telemetry) == 2


async def test_cancelling_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with standing(order([check(count=1000)], [check("latency")]), errors=[GOOD], latency=[None]) as it:
        await asyncio.sleep(0.05)
        assert it.facts == []
    assert asyncio.all_tasks() == before


class HastyClock(SystemClock):
    """Wakes everyone a little early, as timers do beside a wall clock that is being slowed down."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds * 0.98)


async def test_a_timer_that_fires_early_does_not_measure_before_there_is_a_window() -> None:
    clock = HastyClock()
    run = Run((check(),), Subject(namespace="shop", workload="web", stable_revision="a", revision="b"), time.time())
    async with asyncio.timeout(5), run.measuring(Measurer({"scripted": ScriptedProvider(errors=[GOOD])}, clock), clock):
        await run.change()
    assert run.evidence()[0].values[0] == GOOD

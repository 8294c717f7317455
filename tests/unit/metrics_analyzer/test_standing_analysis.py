"""One order's analyses: the step's to its one verdict, the background's on and on, with every fault becoming doubt."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from support.metric_providers import ScriptedProvider, Told

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check, PodHealth
from tidegate_contracts.score import Score
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer import analysis, asking
from tidegate_metrics_analyzer.analysis import StandingAnalysis
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject, Unusable
from tidegate_metrics_analyzer.run import Run

GOOD, BAD, NONE = 0.01, 0.9, Unusable("no data")
INTERVAL_S = 0.005


def check(name: str = "errors", **changes: object) -> Check:
    given = {"query": name, "provider": "scripted", "maximum": 0.05, "interval_s": INTERVAL_S} | changes
    return Check(name=name, **given)  # type: ignore[arg-type]


def order(
    step: Sequence[Check] = (),
    background: Sequence[Check] = (),
    *,
    canary: str | None = "b",
    deadline_s: float = 60.0,
    bakes_s: float | None = None,
) -> Analyse:
    return Analyse(
        rollout="r",
        revision=7,
        workload=WorkloadReference(name="web"),
        step=2,
        stable_revision="a",
        canary_revision=canary,
        step_analysis=Analysis(checks=tuple(step)) if step else None,
        background_analysis=Analysis(checks=tuple(background)) if background else None,
        since_s=time.time() - 100,
        watch_until_s=time.time() + bakes_s if bakes_s is not None else 0.0,
        deadline_s=deadline_s,
    )


class Standing:
    """A standing analysis and what it said."""

    def __init__(self, told: Analyse, provider: ScriptedProvider) -> None:
        subject = Subject(namespace="shop", workload="web", stable_revision="a", revision=told.canary_revision)
        measurer = Measurer({"scripted": provider, "unset": Unusable("it is not configured")}, SystemClock())
        self.analysis = StandingAnalysis(told, subject, measurer, SystemClock())
        self.facts: list[AnalysisConcluded] = []
        self.telemetry: list[MetricsMeasured] = []
        self._said = asyncio.Event()

    async def run(self) -> None:
        await self.analysis.stand(self._report, self._observe)

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not met():
                await self._said.wait()
                self._said.clear()

    async def _report(self, fact: AnalysisConcluded) -> None:
        self.facts.append(fact)
        self._said.set()

    async def _observe(self, telemetry: MetricsMeasured) -> None:
        self.telemetry.append(telemetry)
        self._said.set()


@asynccontextmanager
async def standing(told: Analyse, **answers: list[Told]) -> AsyncIterator[Standing]:
    it = Standing(told, ScriptedProvider(**answers))
    task = asyncio.create_task(it.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def verdict_on(told: Analyse, **answers: list[Told]) -> AnalysisConcluded:
    async with asyncio.timeout(5):
        it = Standing(told, ScriptedProvider(**answers))
        await it.run()
    (fact,) = it.facts
    return fact


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


# the bake after the last step


async def test_a_bake_passes_only_when_its_time_is_over() -> None:
    told = order([check()], bakes_s=0.1)
    fact = await verdict_on(told, errors=[GOOD])
    assert (fact.scope, fact.step, fact.verdict) == ("bake", 2, "pass")
    assert fact.at_s >= told.watch_until_s
    assert fact.measurements[0].measured > 3


async def test_what_turns_bad_in_a_bake_fails_at_once() -> None:
    fact = await verdict_on(order([check()], bakes_s=60.0), errors=[*[GOOD] * 5, BAD])
    assert (fact.scope, fact.verdict) == ("bake", "fail")
    assert fact.reason.startswith("errors: 2 measurements in a row were not at most 0.05")


async def test_missing_values_make_a_bake_inconclusive_whatever_was_measured_before() -> None:
    fact = await verdict_on(order([check(inconclusive_limit=3)], bakes_s=60.0), errors=[*[GOOD] * 5, NONE])
    assert (fact.scope, fact.verdict) == ("bake", "inconclusive")


async def test_a_bake_whose_time_is_over_is_still_measured_as_often_as_was_asked() -> None:
    """As for the copy that takes over from one that died."""
    fact = await verdict_on(order([check(count=5)], bakes_s=-1.0), errors=[GOOD])
    assert (fact.verdict, fact.measurements[0].measured) == ("pass", 5)


async def test_a_bake_never_passes_without_enough_measurements() -> None:
    fact = await verdict_on(order([check(count=1000)], bakes_s=0.05, deadline_s=0.1), errors=[GOOD])
    assert (fact.scope, fact.verdict) == ("bake", "inconclusive")
    assert fact.reason.startswith("no verdict within 0.1 s; ")


# checks in a dry run


@pytest.mark.parametrize("bakes_s", [None, 0.05])
async def test_a_check_in_a_dry_run_is_told_of_and_decides_nothing(bakes_s: float | None) -> None:
    told = order([check(), check("latency", dry_run=True)], bakes_s=bakes_s)
    fact = await verdict_on(told, errors=[GOOD], latency=[BAD])
    assert fact.verdict == "pass"
    assert fact.reason == "all of 1 checks passed; latency would have failed but for the dry run"
    assert [(found.verdict, found.dry_run) for found in fact.measurements] == [("pass", False), ("fail", True)]


async def test_a_check_in_a_dry_run_is_waited_for_until_the_deadline_and_no_longer() -> None:
    told = order([check(), check("latency", count=1000, dry_run=True)], deadline_s=0.1)
    fact = await verdict_on(told, errors=[GOOD], latency=[GOOD])
    assert (fact.verdict, fact.measurements[1].verdict) == ("pass", "inconclusive")


async def test_a_check_in_a_dry_run_that_cannot_be_measured_decides_nothing_either() -> None:
    fact = await verdict_on(order([check(), check("latency", provider="unset", dry_run=True)]), errors=[GOOD])
    assert fact.verdict == "pass"
    assert "it is not configured" in fact.measurements[1].reason


async def test_a_check_in_a_dry_run_says_nothing_in_the_background() -> None:
    async with standing(order(background=[check(dry_run=True), check("latency")]), errors=[BAD], latency=[BAD]) as it:
        await it.until(lambda: bool(it.facts))
        assert it.facts[0].reason.startswith("latency: ")


def scored(*checks: Check, pod_health: PodHealth | None = None, **score: float) -> Analyse:
    analysis = Analysis(checks=checks, pod_health=pod_health, score=Score(**score))
    return msgspec.structs.replace(order(), step_analysis=analysis)


async def test_a_score_passes_over_a_check_that_failed_and_counts_it_once_and_for_all() -> None:
    told = scored(check(), check("latency", count=20), pass_score=50, marginal_score=50)
    fact = await verdict_on(told, errors=[BAD, BAD, GOOD], latency=[GOOD])
    assert fact.verdict == "pass"
    assert fact.scored is not None
    assert [found.classification for found in fact.scored.checks] == ["high", "pass"]
    assert fact.measurements[0].values == (BAD, BAD)
    assert fact.measurements[0].verdict == "fail"
    assert fact.reason == "the score is 50 (pass at 50, marginal at 50); failed: errors (high)"


async def test_a_score_is_failed_by_a_critical_check_at_once() -> None:
    told = scored(check(criticality="critical"), check("latency", count=1000), pass_score=50, marginal_score=0)
    fact = await verdict_on(told, errors=[BAD], latency=[GOOD])
    assert fact.verdict == "fail"
    assert fact.scored is not None
    assert (fact.scored.rule, fact.scored.score, fact.scored.best_score) == ("critical_failed", 0, 0)


async def test_a_score_is_failed_as_soon_as_nothing_can_save_it() -> None:
    told = scored(check(), check("latency", count=1000), marginal_score=75)
    fact = await verdict_on(told, errors=[BAD], latency=[GOOD])
    assert fact.verdict == "fail"
    assert fact.reason.startswith("the score is 0 to 50")


async def test_a_score_without_data_never_passes() -> None:
    told = scored(check(inconclusive_limit=2), check("latency", inconclusive_limit=2), check("unset", provider="unset"))
    fact = await verdict_on(told, errors=[NONE], latency=[NONE])
    assert fact.verdict == "inconclusive"
    assert fact.scored is not None
    assert [found.classification for found in fact.scored.checks] == ["no_data", "no_data", "error"]
    assert fact.reason.endswith("missing: errors (no data), latency (no data), unset (error)")


async def test_a_muted_check_is_told_of_and_not_waited_for() -> None:
    told = scored(check(), check("latency", count=1000, criticality="muted"))
    fact = await verdict_on(told, errors=[GOOD], latency=[GOOD])
    assert fact.verdict == "pass"
    assert fact.scored is not None
    assert fact.scored.checks[1].classification == "undecided"
    assert fact.measurements[1].measured > 0


async def test_pod_health_is_no_part_of_a_score_and_has_to_pass() -> None:
    """Here it can't be measured at all: there is no such provider."""
    fact = await verdict_on(scored(check(), pod_health=PodHealth()), errors=[GOOD])
    assert fact.verdict == "inconclusive"
    assert fact.scored is not None
    assert [found.check for found in fact.scored.checks] == ["errors"]
    assert "pod_restarts: unknown metric provider" in fact.reason

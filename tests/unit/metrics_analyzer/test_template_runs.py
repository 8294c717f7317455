"""Analyses by templates going on: read, measured on schedule, decided as Argo decides, and told with their evidence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.clock import ManualClock
from support.metric_providers import ScriptedProvider, ScriptedValues, ToldValue, values
from support.template_runs import AT_LEAST, BAD, DOWN, GOOD, NO_DATA, SUBJECT, WEB, Running, by_templates, ran, rate
from support.templates import TemplateShelf, metric, template

from tidegate_chassis.errors import Permanent, Transient
from tidegate_contracts import limits
from tidegate_contracts.codec import encode
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Check
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_metrics_analyzer import template_run
from tidegate_metrics_analyzer.analysis import StandingAnalysis
from tidegate_metrics_analyzer.cluster_templates import CLUSTER_TEMPLATES, TEMPLATES
from tidegate_metrics_analyzer.conclusion import conclude
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Unusable, Value
from tidegate_metrics_analyzer.run import Run
from tidegate_metrics_analyzer.template_run import TemplateRun


@pytest.mark.parametrize(
    ("fields", "told", "verdict", "asked"),
    [
        ({}, [GOOD], "pass", 1),
        ({}, [BAD], "fail", 1),
        ({"count": 3, "interval": "5s"}, [GOOD], "pass", 3),
        ({"count": 3, "interval": "5s"}, [GOOD, BAD], "fail", 2),
        ({"count": 3, "interval": "5s", "failureLimit": 1}, [BAD, GOOD], "pass", 3),
        ({"failureCondition": "result[0] < 0.6"}, [Value(raw=[0.7])], "inconclusive", 1),
        ({}, [NO_DATA], "fail", 5),
        ({}, [DOWN], "fail", 5),
        ({}, [DOWN, DOWN, DOWN, DOWN, GOOD], "pass", 5),
        ({}, [ZeroDivisionError()], "fail", 5),
        ({"successCondition": ""}, [NO_DATA], "inconclusive", 1),
        ({"successCondition": "", "failureCondition": "result[0] > 9"}, values([float("nan")]), "inconclusive", 1),
        ({"successCondition": "isNaN(result[0]) || result[0] > 9"}, values([float("nan")]), "pass", 1),
        ({"interval": "5s", "consecutiveSuccessLimit": 2, "failureLimit": 1}, [GOOD, BAD, GOOD], "pass", 4),
    ],
)
async def test_what_comes_back_makes_the_verdict(
    fields: dict[str, Any], told: list[ToldValue], verdict: Verdict, asked: int
) -> None:
    it = await ran(rate(**fields), errors=list(told))
    assert (it.run.verdict(), len(it.provider.questions)) == (verdict, asked)
    assert it.verdicts[-1] == verdict


async def test_without_quirks_what_can_not_be_measured_is_doubt_and_tried_again_sooner() -> None:
    argo = await ran(rate(interval="2s"), errors=[DOWN])
    plain = await ran(rate(interval="2s"), analysis=by_templates(quirks="none"), errors=[DOWN])
    assert (argo.run.verdict(), plain.run.verdict()) == ("fail", "inconclusive")
    assert (argo.clock.now_s(), plain.clock.now_s()) == (1040.0, 1008.0)


async def test_without_quirks_a_condition_asks_about_what_it_names() -> None:
    asks = rate(successCondition="isNil(result.gone)", failureCondition="", count=1)
    found: list[ToldValue] = [Value(raw={"rate": 0.5})]
    argo = await ran(asks, errors=list(found))
    plain = await ran(asks, analysis=by_templates(quirks="none"), errors=list(found))
    assert (argo.run.verdict(), plain.run.verdict()) == ("fail", "pass")


async def test_measuring_begins_after_the_delay_and_goes_on_at_the_interval() -> None:
    it = await ran(rate(initialDelay="7s", interval="5s", count=3), errors=[GOOD])
    assert [question.at_s for question in it.provider.questions] == [1007.0, 1012.0, 1017.0]
    assert all(question.subject == SUBJECT for question in it.provider.questions)


class SetBack(ManualClock):
    """The wall clock is set back by an hour while the first answer is waited for."""

    def now_s(self) -> float:
        return super().now_s() - (3600.0 if self.slept_s else 0.0)


async def test_a_wall_clock_that_is_set_back_loses_and_delays_nothing() -> None:
    it = Running(TemplateShelf(t=template(rate(initialDelay="1s", interval="5s", count=3))), errors=[GOOD])
    it.clock = SetBack(1000.0)
    await it.to_the_end()
    assert (it.run.verdict(), it.run.evidence()[0].measured) == ("pass", 3)
    assert it.clock.monotonic_s() == 1011.0


async def test_a_bad_metric_ends_the_run_though_another_has_not_begun() -> None:
    late = metric("late", "late", initialDelay="1h")
    it = await ran(rate(), late, errors=[BAD], late=[GOOD])
    assert it.run.verdict() == "fail"
    failed, ended = it.run.evidence()
    assert failed.reason == "Failed due to failed (1) > failureLimit (0); the last value was [0.5]"
    assert (ended.verdict, ended.reason) == ("inconclusive", "ended by another metric after 0 measurements")
    assert [question.query for question in it.provider.questions] == ["errors"]


async def test_a_dry_run_is_waited_for_and_decides_nothing() -> None:
    dry = metric("dry", "dry", successCondition=AT_LEAST, interval="5s", count=3, failureLimit=3)
    it = await ran(rate(), dry, analysis=by_templates(dry_run=("dry",)), errors=[GOOD], dry=[BAD])
    assert (it.run.verdict(), len(it.provider.questions)) == ("pass", 4)
    failing = await ran(rate(), rate(name="dry"), analysis=by_templates(dry_run=("dry",)), errors=[GOOD, BAD])
    assert failing.run.verdict() == "pass"
    assert [found.verdict for found in failing.run.evidence()] == ["pass", "fail"]
    fact = conclude(ORDER, "step", "pass", failing.run.evidence(), started_at_s=1.0, at_s=2.0)
    assert fact.reason == "all of 1 checks passed; dry would have failed but for the dry run"


async def test_the_evidence_tells_of_conditions_limits_counts_samples_and_the_rule() -> None:
    fields = {"count": 4, "interval": "5s", "failureLimit": 1, "failureCondition": "result[0] < 0.6"}
    it = await ran(rate(**fields), errors=[GOOD, DOWN, BAD, BAD])
    (found,) = it.run.evidence()
    assert (found.check, found.query, found.verdict) == ("errors", "errors", "fail")
    assert (found.measured, found.failed, found.inconclusive) == (4, 2, 1)
    assert found.values == (0.99, None, 0.5, 0.5)
    assessed = found.assessed
    assert assessed is not None
    assert (assessed.phase, assessed.rule) == ("Failed", "failure_limit")
    assert (assessed.success_condition, assessed.failure_condition) == (AT_LEAST, "result[0] < 0.6")
    assert (assessed.count, assessed.failure_limit, assessed.consecutive_error_limit) == (4, 1, 4)
    assert (assessed.counted, assessed.successful, assessed.failed, assessed.errors) == (3, 1, 2, 1)
    assert [(sample.at_s, sample.phase, sample.value) for sample in assessed.samples] == [
        (1000.0, "Successful", "[0.99]"),
        (1005.0, "Error", ""),
        (1015.0, "Failed", "[0.5]"),
        (1020.0, "Failed", "[0.5]"),
    ]


async def test_an_error_says_what_the_provider_or_the_condition_said() -> None:
    assert "Prometheus could not be asked" in (await ran(rate(), errors=[DOWN])).reason
    nothing = await ran(rate(), errors=[NO_DATA])
    assert "metric result is nil or empty: no data returned from the metric provider" in nothing.reason
    assert nothing.reason.startswith("Error due to consecutiveErrors (5) > consecutiveErrorLimit (4)")


async def test_templates_are_read_again_until_they_can_be() -> None:
    restarting = TemplateShelf(t=[Transient("the API server is restarting"), template(rate())])
    it = await Running(restarting, errors=[GOOD]).to_the_end()
    assert (it.run.verdict(), it.clock.now_s()) == ("pass", 1000.0 + template_run.READ_RETRY_S)


@pytest.mark.parametrize(
    ("shelf", "reason"),
    [
        (TemplateShelf(), "there is no AnalysisTemplate t in namespace shop"),
        (TemplateShelf(t=[Transient("it is restarting")]), "the templates can't be read: it is restarting"),
        (TemplateShelf(t=[Permanent("forbidden", code="forbidden")]), "the templates can't be read: forbidden"),
        (TemplateShelf(t=template(rate(count=2))), "metrics[0].interval"),
        (TemplateShelf(t=template(rate(provider={"job": {}}))), "this analyzer runs no Jobs"),
        (TemplateShelf(t=template(metric(query="broken"))), "the query is broken"),
        (TemplateShelf(t=template(rate(provider={"scripted": {}}))), "unknown metric provider 'scripted'"),
    ],
)
async def test_templates_that_can_not_be_used_are_doubt_with_the_reason(shelf: TemplateShelf, reason: str) -> None:
    it = await Running(shelf).to_the_end()
    assert it.run.verdict() == "inconclusive"
    assert it.run.fault is not None
    assert reason in it.run.fault
    (found,) = it.run.evidence()
    assert (found.check, found.verdict, found.reason) == ("analysis_templates", "inconclusive", it.run.fault)


async def test_a_provider_that_gives_no_values_can_not_be_used() -> None:
    it = Running(TemplateShelf(t=template(rate())))
    it.measurer = Measurer({"prometheus": ScriptedProvider()}, it.clock, TemplateShelf(t=template(rate())))
    await it.to_the_end()
    assert "gives no values that a condition can judge" in (it.run.fault or "")


async def test_a_run_that_is_left_goes_on_where_it_was() -> None:
    it = Running(TemplateShelf(t=template(rate(count=2, interval="5s"))), errors=[GOOD])
    first = asyncio.Event()
    task = asyncio.create_task(it.run.measure(it.measurer, it.clock, lambda: it.provider.questions and first.set()))
    await first.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    measured = it.run.evidence()[0].measured
    await it.to_the_end()
    assert (it.run.verdict(), it.run.evidence()[0].measured, len(it.provider.questions)) == ("pass", 2, 2)
    assert measured >= 1


async def test_the_next_orders_run_goes_on_with_the_measurements_of_the_last() -> None:
    it = Running(TemplateShelf(t=template(rate(interval="5s"))), errors=[GOOD])
    earlier = Run((), SUBJECT, 1000.0, it.run)
    async with earlier.measuring(it.measurer, it.clock):
        while not it.provider.questions or not earlier.evidence()[0].measured:
            await earlier.change()
    measured = earlier.evidence()[0].measured
    later = Run((), SUBJECT, 2000.0, TemplateRun(by_templates(), SUBJECT, WEB, since_s=2000.0, must_end=False))
    assert later.same_as(earlier)
    assert not later.same_as(Run((), SUBJECT, 2000.0))
    assert not Run((), SUBJECT, 2000.0).same_as(earlier)
    later.carry_over(earlier)
    assert later.evidence()[0].measured == measured
    async with asyncio.timeout(5), later.measuring(it.measurer, it.clock):
        while later.evidence()[0].measured == measured:
            await later.change()
    assert measured >= 1
    assert it.run.fault is None


ORDER = Analyse(
    rollout="r", revision=7, workload=WEB, step=2, stable_revision="a", canary_revision="b", deadline_s=60.0
)


class Standing:
    """An order's analyses with templates, and what they said."""

    def __init__(self, order: dict[str, Any], *metrics: dict[str, Any], **told: list[ToldValue]) -> None:
        clock = ManualClock()
        measurer = Measurer({"prometheus": ScriptedValues(**told)}, clock, TemplateShelf(t=template(*metrics)))
        given = Analyse(
            rollout="r", revision=7, workload=WEB, step=2, stable_revision="a", canary_revision="b", **order
        )
        self.analysis = StandingAnalysis(given, SUBJECT, measurer, clock)
        self.facts: asyncio.Queue[AnalysisConcluded] = asyncio.Queue()

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.analysis.stand(self.facts.put, _unseen))
        try:
            async with asyncio.timeout(5):
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _unseen(_telemetry: MetricsMeasured) -> None:
    """Nobody looks."""


async def test_a_step_is_judged_by_its_checks_and_its_templates() -> None:
    check = Check(name="impossible", query="q", provider="none", maximum=1.0)
    for analysis, told, verdict in (
        (by_templates(), [GOOD], "pass"),
        (by_templates(), [BAD], "fail"),
        (by_templates(checks=(check,)), [GOOD], "inconclusive"),
    ):
        it = Standing({"step_analysis": analysis}, rate(), errors=list(told))
        async with it.standing():
            fact = await it.facts.get()
        assert (fact.scope, fact.step, fact.verdict) == ("step", 2, verdict)


def test_a_bake_and_the_watch_beside_it_have_names_of_their_own() -> None:
    """By them Jobs are found again: the same name would be the same Job."""
    both = {"step_analysis": by_templates(), "background_analysis": by_templates(), "watch_until_s": 2000.0}
    assert Standing(both).analysis.identities == {"r/7/bake", "r/7/background"}


async def test_a_step_does_not_wait_for_a_metric_without_an_end() -> None:
    it = Standing({"step_analysis": by_templates()}, rate(interval="5s"), errors=[GOOD])
    async with it.standing():
        fact = await it.facts.get()
    assert fact.verdict == "inconclusive"
    assert "metrics[0].count: 'errors' breaks the rule: a count in a step's analysis" in fact.reason


async def test_templates_that_can_not_be_used_are_told_of_at_once_though_checks_go_on() -> None:
    undecided = Check(name="slow", query="q", provider="prometheus", maximum=1.0, count=2000, inconclusive_limit=2000)
    it = Standing({"step_analysis": by_templates(checks=(undecided,))}, rate(count=2), errors=[GOOD])
    async with it.standing():
        fact = await it.facts.get()
    assert (fact.verdict, fact.measurements[0].measured < 2000) == ("inconclusive", True)
    assert "metrics[0].interval" in fact.reason


async def test_a_background_reports_a_bad_run_once_and_a_good_one_never() -> None:
    it = Standing({"background_analysis": by_templates()}, rate(interval="5s"), errors=[GOOD, GOOD, BAD])
    async with it.standing():
        fact = await it.facts.get()
    assert (fact.scope, fact.verdict, it.facts.empty()) == ("background", "fail", True)
    assert fact.reason.startswith("errors: Failed due to failed (1) > failureLimit (0)")


@pytest.mark.parametrize(
    ("told", "metrics", "verdict"),
    [
        pytest.param([GOOD], {"interval": "5s"}, "pass", id="goes on for ever, and was good at the end"),
        pytest.param([GOOD], {"interval": "5s", "count": 4}, "pass", id="has an end of its own"),
        pytest.param([BAD], {"interval": "5s"}, "fail", id="is bad"),
        pytest.param([BAD], {"interval": "5s", "failureLimit": -1}, "inconclusive", id="was never good"),
        pytest.param(
            [GOOD, BAD],
            {"interval": "5s", "failureLimit": -1, "consecutiveSuccessLimit": 3},
            "inconclusive",
            id="has been good too seldom",
        ),
    ],
)
async def test_a_bake_takes_a_metric_without_an_end(told: list[Value], metrics: dict[str, Any], verdict: str) -> None:
    order = {"step_analysis": by_templates(), "watch_until_s": 1_000_060.0, "deadline_s": 0.2}
    it = Standing(order, rate(**metrics), errors=list(told))
    async with it.standing():
        fact = await it.facts.get()
    assert (fact.scope, fact.verdict) == ("bake", verdict)


async def test_the_largest_analysis_by_templates_fits_into_one_event() -> None:
    condition = f"len(result) > 0 || {'result[0] < 1 || ' * 60}false"
    query, odd = '"' * limits.QUERY_LENGTH_MAX, Value(raw=["\N{SNOWMAN}" * 500])
    metrics = [
        metric(f"{number}" * 40, query, successCondition=condition, interval="1s", count=1000)
        for number in range(limits.CHECKS_MAX)
    ]
    it = Standing({"step_analysis": by_templates(), "deadline_s": 1.0}, *metrics, **{query: [odd, Unusable('"' * 600)]})
    async with it.standing():
        fact = await it.facts.get()
    assert len(fact.measurements) == limits.CHECKS_MAX
    assert len(encode(fact)) <= limits.EVENT_BYTES_MAX


def test_both_kinds_of_templates_are_read_where_argo_serves_them() -> None:
    root = "/apis/argoproj.io/v1alpha1"
    assert TEMPLATES.object_path("shop", "t") == f"{root}/namespaces/shop/analysistemplates/t"
    assert CLUSTER_TEMPLATES.object_path(None, "t") == f"{root}/clusteranalysistemplates/t"

"""Canary against stable on a real Prometheus: equal, worse, missing, stale and foreign series, all at once."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from support.prometheus import PrometheusProcess, prometheus_server
from support.standing import concluded

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.score import Criticality, Score
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Subject

SUBJECT = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="5d8f")
COMPARE = Comparison(direction="increase", points=9)
OLD_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusProcess]:
    with prometheus_server(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture
async def measurer(server: PrometheusProcess) -> AsyncIterator[Measurer]:
    async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": server.url}) as provider:
        yield Measurer({"prometheus": provider}, SystemClock())


@pytest.fixture
async def exported(server: PrometheusProcess) -> AsyncIterator[None]:
    """Values that change all the time, for as long as the test lasts."""
    exporting = asyncio.create_task(_export(server))
    yield
    exporting.cancel()
    await asyncio.gather(exporting, return_exceptions=True)


async def _export(server: PrometheusProcess) -> None:
    generator, errors = random.Random(7), dict.fromkeys(("7c9b", "5d8f"), 0)
    while True:
        lines = []
        for revision, factor in (("7c9b", 1), ("5d8f", 2)):
            noise = [100 + generator.random() for _ in range(3)]
            errors[revision] += 10 * factor
            lines += [
                f'equal{{revision="{revision}"}} {noise[0]}',
                f'worse{{revision="{revision}"}} {noise[1] * factor}',
                f'errors_total{{revision="{revision}"}} {errors[revision]}',
                f'stuck_{revision}{{revision="{revision}"}} 1 {(time.time() - OLD_S) * 1000:.0f}',
                f'only_{revision}{{revision="{revision}"}} {noise[2]}',
                f'foreign{{version="{revision}",revision="other"}} 1',
                f'several{{revision="{revision}",pod="a"}} 1',
                f'several{{revision="{revision}",pod="b"}} 1',
                f'undefined{{revision="{revision}"}} {"NaN" if revision == "5d8f" else 1}',
            ]
        server.exporter.page = "\n".join(lines) + "\n"
        await asyncio.sleep(0.1)


REVISION = '{revision="{{revision}}"}'
EXPECTED = {
    f"equal{REVISION}": ("pass", "all of 1 checks passed"),
    f"worse{REVISION}": ("fail", "odds"),
    f"rate(errors_total{REVISION}[{{{{window}}}}])": ("fail", "odds"),
    f"only_7c9b{REVISION}": ("inconclusive", "the new revision (5d8f): no data"),
    f"only_5d8f{REVISION}": ("inconclusive", "the stable revision (7c9b): no data"),
    f"stuck_5d8f{REVISION} or only_7c9b{REVISION}": ("inconclusive", "the new revision (5d8f): no usable value"),
    'foreign{version="{{revision}}"}': ("inconclusive", "the series is of another revision"),
    f"several{REVISION}": ("inconclusive", "2 series where one was expected"),
    f"undefined{REVISION}": ("inconclusive", "the new revision (5d8f): no usable value"),
    f"equal{REVISION} +": ("inconclusive", "bad_data"),
}


async def test_every_kind_of_pair_is_judged_as_it_must_be(measurer: Measurer, exported: None) -> None:
    facts = await asyncio.gather(*(_verdict_on(measurer, query) for query in EXPECTED))
    for fact, (verdict, reason) in zip(facts, EXPECTED.values(), strict=True):
        assert (fact.verdict, reason in fact.reason) == (verdict, True), fact
    equal, worse = facts[0].measurements[0].compared, facts[1].measurements[0].compared
    assert equal is not None
    assert worse is not None
    assert (equal.rule, equal.pairs >= 9, equal.p_value is not None) == ("rank_test", True, True)
    assert equal.canary_median == pytest.approx(100.5, abs=0.5)
    assert (worse.rule, worse.stable_median) == ("sequential", pytest.approx(100.5, abs=0.5))
    assert worse.canary_median == pytest.approx(201, abs=1)
    assert 'revision="5d8f"' in facts[1].measurements[0].query


async def test_what_was_before_the_step_is_no_evidence(measurer: Measurer, exported: None) -> None:
    """The same canary, whose step begins only now: there is not one pair yet."""
    check = _check(f"worse{REVISION}")
    measured = await measurer.measure(check, SUBJECT, time.time() - check.window_s / 2)
    assert "too early" in str(measured.reading)


async def test_a_canary_that_is_the_stable_revision_is_not_compared_with_itself(measurer: Measurer) -> None:
    same = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="7c9b")
    assert "nothing to compare" in str(measurer.fault(_check(f"equal{REVISION}"), same))


def _check(query: str) -> Check:
    return Check(name="it", query=query, compare=COMPARE, window_s=1.0, inconclusive_limit=4)


SCORE = Score(pass_score=90, marginal_score=60, weights={"users": 70})
SCORED = {
    # What is judged "users" and "pods": the verdict, the rule behind it, and the score.
    ("equal", "equal", "normal"): ("pass", "reached", 100.0),
    ("equal", "worse", "normal"): ("inconclusive", "marginal", 85.0),
    ("worse", "worse", "normal"): ("fail", "too_low", 50.0),
    ("worse", "equal", "critical"): ("fail", "critical_failed", 0.0),
    ("equal", "only_5d8f", "normal"): ("inconclusive", "no_data", 85.0),
}


async def test_checks_that_compare_are_counted_together(measurer: Measurer, exported: None) -> None:
    facts = await asyncio.gather(*(_concluded(measurer, _scored(*case)) for case in SCORED))
    for fact, (verdict, rule, score) in zip(facts, SCORED.values(), strict=True):
        assert fact.scored is not None
        # It fails as soon as even the best score is too low: by then those that pass may not be judged yet.
        found = fact.scored.best_score if rule == "too_low" else fact.scored.score
        assert (fact.verdict, fact.scored.rule, found) == (verdict, rule, score), fact.reason
    told = {check.check: check.classification for check in facts[1].scored.checks}  # type: ignore[union-attr]
    assert told == {"users": "pass", "good": "pass", "pods": "high", "even": "pass", "muted": told["muted"]}


def _scored(users: str, pods: str, criticality: Criticality) -> Analysis:
    """Two checks in each group, of which the second one always passes, and a muted one that has nothing to judge."""

    def compared(name: str, series: str, **changes: Any) -> Check:
        return msgspec.structs.replace(_check(f"{series}{REVISION}"), name=name, **changes)

    return Analysis(
        score=SCORE,
        checks=(
            compared("users", users, groups=("users",), criticality=criticality),
            compared("good", "equal", groups=("users",)),
            compared("pods", pods, groups=("pods",)),
            compared("even", "equal", groups=("pods",)),
            compared("muted", "only_7c9b", criticality="muted"),
        ),
    )


async def _verdict_on(measurer: Measurer, query: str) -> AnalysisConcluded:
    return await _concluded(measurer, Analysis(checks=(_check(query),)))


async def _concluded(measurer: Measurer, analysis: Analysis) -> AnalysisConcluded:
    order = Analyse(
        rollout="r",
        revision=1,
        workload=WorkloadReference(name="web"),
        step=1,
        stable_revision=SUBJECT.stable_revision,
        canary_revision=SUBJECT.revision,
        step_analysis=analysis,
        since_s=time.time() + 1,  # after the first scrapes: what was scraped before is of an empty page
        deadline_s=30,
    )
    return await concluded(order, SUBJECT, measurer, within_s=40)

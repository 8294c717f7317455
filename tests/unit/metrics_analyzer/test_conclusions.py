"""The fact that a verdict becomes: its reason names the checks that decided, and it always fits into an event."""

from tidegate_contracts import limits
from tidegate_contracts.codec import encode
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Check, PodHealth
from tidegate_contracts.score import Score
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer import comparison, judge, pod_health, promql, scoring
from tidegate_metrics_analyzer.conclusion import conclude
from tidegate_metrics_analyzer.judge import Progress, absorb
from tidegate_metrics_analyzer.question import Unusable

ORDER = Analyse(
    rollout="r", revision=7, workload=WorkloadReference(name="web"), step=2, stable_revision="a", canary_revision="b"
)


def evidence(name: str, *readings: float | Unusable, query: str = "q") -> judge.Measurement:
    check = Check(name=name, query=query, maximum=0.05, count=1, failure_limit=1, inconclusive_limit=1)
    progress = Progress()
    for reading in readings:
        progress = absorb(check, progress, reading, 1.7e9 + 0.123456)
    return judge.evidence(check, query, progress)


def test_the_reason_names_the_checks_that_decided() -> None:
    measurements = (evidence("errors", 0.9), evidence("latency", 0.01), evidence("traffic", Unusable("no data")))
    fact = conclude(ORDER, "step", "fail", measurements, started_at_s=1.0, at_s=2.0)
    assert fact.reason == "errors: 1 measurements in a row were not at most 0.05, the last was 0.9"
    assert (fact.order_revision, fact.step, fact.scope, fact.verdict) == (7, 2, "step", "fail")
    assert fact.measurements == measurements


def test_a_missed_deadline_tells_what_was_still_open() -> None:
    fact = conclude(ORDER, "step", "inconclusive", (evidence("errors"),), started_at_s=1.0, at_s=2.0, overdue=True)
    assert fact.reason.startswith("no verdict within 3600 s; errors: 0 of 1 measurements")


def test_the_largest_analysis_fits_into_one_event() -> None:
    measurements = tuple(
        evidence(
            f"check-{number}",
            *[-1.2345678901234567e-300] * 30,
            Unusable('"' * 600),
            query='"' * limits.QUERY_LENGTH_MAX,
        )
        for number in range(limits.CHECKS_MAX + 2)
    )
    fact = conclude(ORDER, "step", "inconclusive", measurements, started_at_s=1.7e9, at_s=1.7e9)
    assert len(encode(fact)) <= limits.EVENT_BYTES_MAX


def test_the_largest_analysis_that_compares_fits_into_one_event() -> None:
    compare = Comparison(direction="decrease", points=40)
    check = Check(name="c" * 63, query='"' * limits.QUERY_LENGTH_MAX, compare=compare, inconclusive_limit=1)
    samples = comparison.Samples(
        pairs=(comparison.Pair(-1.2345678901234567e-300, -1.2345678901234567e-300),) * 100,
        canary_points=999,
        stable_points=999,
    )
    progress = Progress()
    for reading in (comparison.judge(samples, compare), *[Unusable('"' * 600)] * 15):
        progress = absorb(check, progress, reading, 1.7e9 + 0.123456)
    measurements = (judge.evidence(check, check.query, progress),) * (limits.CHECKS_MAX + 2)
    fact = conclude(ORDER, "step", "inconclusive", measurements, started_at_s=1.7e9, at_s=1.7e9)
    assert len(encode(fact)) <= limits.EVENT_BYTES_MAX


def test_the_largest_analysis_that_compares_and_has_a_score_fits_into_one_event() -> None:
    name = "c" * (limits.LABEL_LENGTH_MAX - 2)
    groups = [tuple(f"{name}{4 * index + own:02}" for own in range(4)) for index in range(5)]
    query, compare = '"' * limits.QUERY_LENGTH_MAX, Comparison(direction="decrease", points=40)
    checks = tuple(
        Check(name=f"{name}{number:02}", query=query, compare=compare, groups=groups[number % 5], inconclusive_limit=1)
        for number in range(limits.CHECKS_MAX)
    )
    pair = comparison.Pair(-1.2345678901234567e-300, -1.2345678901234567e-300)
    samples = comparison.Samples(pairs=(pair,) * 100, canary_points=999, stable_points=999)
    progress = Progress()
    for reading in (comparison.judge(samples, compare), *[Unusable('"' * 600)] * 15):
        progress = absorb(checks[0], progress, reading, 1.7e9 + 0.123456)
    measurements = tuple(judge.evidence(check, check.query, progress) for check in (*checks, *checks[:2]))
    found = scoring.scored(scoring.Counted(Score(), checks), ["undecided"] * len(checks))
    assert len(found.groups) == limits.GROUPS_MAX
    fact = conclude(ORDER, "step", "inconclusive", measurements, started_at_s=1.7e9, at_s=1.7e9, scored=found)
    assert len(encode(fact)) <= limits.EVENT_BYTES_MAX


def test_the_built_in_checks_are_sound_templates_that_nobody_can_shadow() -> None:
    restarts, readiness = pod_health.checks(PodHealth(restarts_maximum=2, ready_minimum_percent=80))
    assert (restarts.maximum, restarts.minimum) == (2.0, None)
    assert (readiness.maximum, readiness.minimum) == (None, 80)
    for check in (restarts, readiness):
        assert promql.fault(check.query) is None
        assert "_" in check.name

"""Canary against stable: pairs to a verdict, ranges to pairs, and that nothing doubtful ever passes."""

import math
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.metric_providers import ScriptedProvider

from tidegate_contracts.comparison import Comparison
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import comparing, comparison, judge, moments, pairing, promql
from tidegate_metrics_analyzer.comparison import Judged, Pair, Samples
from tidegate_metrics_analyzer.judge import Progress, absorb
from tidegate_metrics_analyzer.question import (
    Point,
    RangeAnswer,
    RangeQuestion,
    Reach,
    Series,
    Subject,
    Unanswered,
    Unusable,
)

SUBJECT = Subject(namespace="shop", workload="web", stable_revision="old", revision="new")
COMPARE = Comparison(direction="increase", points=12)
CHECK = Check(name="latency", query='x{revision="{{revision}}"}', compare=COMPARE, window_s=2.0, inconclusive_limit=3)
CHECK = msgspec.structs.replace(CHECK, consecutive_error_limit=2)


def judged(canary: list[float], stable: list[float], **changes: Any) -> Judged:
    pairs = tuple(Pair(*both) for both in zip(canary, stable, strict=True))
    samples = Samples(pairs=pairs, canary_points=len(pairs), stable_points=len(pairs))
    return comparison.judge(samples, msgspec.structs.replace(COMPARE, **changes))


NOISE = [1.0, 1.3, 0.9, 1.1, 0.8, 1.2, 1.0, 0.95, 1.05, 1.15, 0.85, 1.0]
OTHER = [1.1, 0.9, 1.0, 1.2, 1.0, 0.8, 1.15, 1.05, 0.95, 0.85, 1.3, 1.0]


@pytest.mark.parametrize(
    ("canary", "stable", "changes", "verdict", "rule"),
    [
        (NOISE, OTHER, {}, "pass", "rank_test"),
        (NOISE, NOISE, {}, "pass", "rank_test"),
        ([0.0] * 12, [0.0] * 12, {}, "pass", "rank_test"),
        ([5.0] * 12, [5.0] * 12, {"direction": "either"}, "pass", "rank_test"),
        ([5.4] * 12, [5.0] * 12, {}, "pass", "rank_test"),
        ([5.6] * 12, [5.0] * 12, {}, "fail", "sequential"),
        ([5.6] * 12, [5.0] * 12, {"direction": "decrease"}, "pass", "rank_test"),
        ([4.4] * 12, [5.0] * 12, {"direction": "decrease"}, "fail", "sequential"),
        ([4.4] * 12, [5.0] * 12, {"direction": "either"}, "fail", "sequential"),
        ([5.6] * 12, [5.0] * 12, {"direction": "either"}, "fail", "sequential"),
        ([5.6] * 12, [5.0] * 12, {"tolerance": 1.0}, "pass", "rank_test"),
        ([0.01] * 12, [0.0] * 12, {}, "fail", "sequential"),
        ([0.01] * 12, [0.0] * 12, {"tolerance": 0.02}, "pass", "rank_test"),
        ([-4.0] * 12, [-5.0] * 12, {}, "fail", "sequential"),
        ([-4.6] * 12, [-5.0] * 12, {}, "pass", "rank_test"),
        ([2.0] * 9, [1.0] * 9, {}, "fail", "sequential"),
        ([2.0] * 8, [1.0] * 8, {}, None, "waiting"),
        ([2.0] * 8, [1.0] * 8, {"points": 8}, "fail", "rank_test"),
        ([1.0] * 11, [1.0] * 11, {}, None, "waiting"),
        ([1.0], [1.0], {}, None, "waiting"),
        ([*[2.0] * 8, 0.5, 2.0, 2.0, 2.0], [1.0] * 12, {}, "fail", "rank_test"),
    ],
)
def test_a_comparison_is_decided(
    canary: list[float], stable: list[float], changes: dict[str, Any], verdict: str | None, rule: str
) -> None:
    found = judged(canary, stable, **changes)
    assert (found.verdict, found.found.rule) == (verdict, rule)


@pytest.mark.parametrize("confidence_percent", [80.0, 99.9])
@pytest.mark.parametrize("direction", ["increase", "decrease", "either"])
def test_every_comparison_that_may_be_asked_for_can_fail(direction: str, confidence_percent: float) -> None:
    bad = [0.1 + index if direction == "decrease" else 100.0 + index for index in range(8)]
    found = judged(
        bad, [50.0 + index for index in range(8)], direction=direction, points=8, confidence_percent=confidence_percent
    )
    assert found.verdict == "fail"


def test_the_evidence_tells_both_samples_and_the_rule() -> None:
    found = judged([*NOISE[:11], 9.0], OTHER).found
    assert (found.pairs, found.canary_points, found.stable_points) == (12, 12, 12)
    assert (found.canary_median, found.stable_median) == (1.025, 1.0)
    assert (found.p_limit, found.odds_limit) == (pytest.approx(0.01), pytest.approx(100))
    assert found.stable_values == tuple(OTHER[-comparison.VALUES_KEPT :])
    assert found.p_value is not None
    assert comparison.reason(judged([5.6] * 12, [5.0] * 12)) == (
        "plainly worse: median 5.6 against the stable's 5 in 12 pairs, odds of 630 to 1 (limit 100)"
    )


def test_a_look_after_the_last_pair_changes_no_verdict_of_the_rank_test() -> None:
    now, later = judged(NOISE, OTHER), judged([*NOISE, 9.0, 9.0, 9.0], [*OTHER, 1.0, 1.0, 1.0])
    assert now.found.p_value == later.found.p_value
    assert later.verdict == "pass"


values = st.one_of(st.sampled_from([0.0, 1.0, 1.1, -1.0]), st.floats(-1e6, 1e6))


@given(
    st.lists(st.tuples(values, values), min_size=1, max_size=30), st.sampled_from(["increase", "decrease"]), st.data()
)
def test_a_worse_value_never_makes_a_verdict_better(
    both: list[tuple[float, float]], direction: str, data: st.DataObject
) -> None:
    canary, stable = map(list, zip(*both, strict=True))
    index = data.draw(st.integers(0, len(both) - 1))
    worse = [*canary]
    worse[index] += data.draw(st.floats(0, 1e6)) * (1 if direction == "increase" else -1)
    before, after = (judged(one, stable, direction=direction) for one in (canary, worse))
    assert after.found.worse_percent >= before.found.worse_percent
    assert after.found.odds >= before.found.odds
    if before.verdict == "fail":
        assert after.verdict == "fail"


FIRST_MS, SPACING_MS = 1_002_000, 2_000


def question(revision: str = "new", count: int = 12) -> RangeQuestion:
    subject = msgspec.structs.replace(SUBJECT, revision=revision)
    return RangeQuestion(query="q", subject=subject, first_ms=FIRST_MS, spacing_ms=SPACING_MS, moments=count)


def points(*values: float, offset: int = 0) -> tuple[Point, ...]:
    return tuple(Point(FIRST_MS + (index + offset) * SPACING_MS, value) for index, value in enumerate(values))


def series(*given: Point, **labels: str) -> RangeAnswer:
    return RangeAnswer(series=(Series(points=given, labels=labels),))


GOOD = series(*points(*NOISE))
INF, NAN = math.inf, math.nan
FOREIGN = {
    "nothing": RangeAnswer(series=()),
    "an error": Unanswered("no answer within 1 s"),
    "two series": RangeAnswer(series=(GOOD.series[0], GOOD.series[0])),
    "out of order": series(*reversed(points(*NOISE))),
    "duplicated": series(*points(*NOISE[:11]), points(*NOISE)[10], *points(*NOISE)[11:]),
    "too early": series(Point(FIRST_MS - SPACING_MS, 1.0), *points(*NOISE)),
    "too late": series(*points(*NOISE), Point(FIRST_MS + 12 * SPACING_MS, 1.0)),
    "between the moments": series(*(Point(at_ms + 1, value) for at_ms, value in points(*NOISE))),
    "another revision": series(*points(*NOISE), revision="other"),
    "another namespace": series(*points(*NOISE), namespace="other"),
    "no points": series(),
    "only NaN": series(*points(*[NAN] * 12)),
    "only infinities": series(*points(*[INF] * 6, *[-INF] * 6)),
    "an overflow": series(*points(*[1e101] * 12)),
    "NaN now": series(*points(*NOISE[:11], NAN)),
    "nothing now": series(*points(*NOISE[:11])),
}


@pytest.mark.parametrize("answer", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("side", ["new", "old"])
def test_what_is_doubtful_is_inconclusive_and_says_whose_it_is(answer: RangeAnswer | Unusable, side: str) -> None:
    reads = {revision: (answer if revision == side else GOOD) for revision in ("new", "old")}
    canary, stable = (
        pairing.Read(question(revision), pairing.read(reads[revision], question(revision)))
        for revision in ("new", "old")
    )
    found = comparing._judged(pairing.pair(canary, stable), COMPARE)
    assert isinstance(found, Unusable), found
    whose = "the new revision (new)" if side == "new" else "the stable revision (old)"
    assert found.reason.startswith(whose)
    progress = Progress()
    for _ in range(CHECK.inconclusive_limit):
        assert judge.verdict_of_check(CHECK, progress) is None
        progress = absorb(CHECK, progress, found, 1.0)
    assert judge.verdict_of_check(CHECK, progress) == "inconclusive"
    assert whose in judge.evidence(CHECK, "q", progress).reason


def test_moments_without_a_value_of_both_have_no_pair() -> None:
    canary = pairing.Read(question(), pairing.read(series(*points(1.0, NAN, 3.0, 4.0)), question(count=4)))
    stable = pairing.Read(question("old"), pairing.read(series(*points(7.0, 8.0, 9.0, offset=1)), question(count=4)))
    samples = pairing.pair(canary, stable).samples
    assert samples is not None
    assert samples.pairs == (Pair(3.0, 8.0), Pair(4.0, 9.0))
    assert (samples.canary_points, samples.stable_points) == (3, 3)


def test_a_failure_stands_though_the_canary_is_gone_since() -> None:
    bad = pairing.Read(question(), pairing.read(series(*points(*[9.0] * 10)), question()))
    stable = pairing.Read(question("old"), pairing.read(GOOD, question("old")))
    found = comparing._judged(pairing.pair(bad, stable), COMPARE)
    assert isinstance(found, Judged)
    assert found.verdict == "fail"


def test_a_pass_needs_the_present_and_ends_with_it() -> None:
    good = judged(NOISE, OTHER)
    progress = absorb(CHECK, Progress(), good, 1.0)
    assert judge.evidence(CHECK, "q", progress).rule.startswith("fails where the new version's values are worse")
    assert judge.verdict_of_check(CHECK, progress) == "pass"
    progress = absorb(CHECK, progress, Unusable("gone"), 1.0)
    assert judge.verdict_of_check(CHECK, progress) is None
    assert "gone" in judge.reason_of_check(CHECK, progress)
    progress = absorb(CHECK, progress, judged([9.0] * 12, NOISE), 1.0)
    assert judge.verdict_of_check(CHECK, absorb(CHECK, progress, Unusable("gone"), 1.0)) == "fail"


def test_a_pass_ends_with_an_error_too() -> None:
    progress = absorb(CHECK, absorb(CHECK, Progress(), judged(NOISE, OTHER), 1.0), Unanswered("gone"), 1.0)
    assert judge.verdict_of_check(CHECK, progress) is None


def test_points_never_look_over_the_steps_start_nor_twice_on_the_same_time() -> None:
    check = msgspec.structs.replace(CHECK, initial_delay_s=5.0)
    assert moments.first_ms(check, Reach(), 1000.0) == 1_007_000
    assert moments.spacing_ms(check, Reach(fixed_s=30.0)) == 30_000
    assert moments.spacing_ms(check, Reach(fixed_s=10.0, windows=2, nested=True)) == 14_000
    assert [moments.count(CHECK, Reach(), 1000.0, now_s) for now_s in (0, 1001.9, 1002, 1003.9, 1004)] == [
        0,
        0,
        1,
        1,
        2,
    ]
    assert moments.count(CHECK, Reach(), 1000.0, 1e6) == moments.MOMENTS_MAX


class Ranges(ScriptedProvider):
    """Answers every range with the same good one, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[RangeQuestion] = []

    def render(self, template: str, subject: Subject, window_s: float) -> str | Unusable:
        return promql.render(template, subject.values(), window_s)

    async def ask_range(self, question: RangeQuestion) -> RangeAnswer | Unusable:
        self.asked.append(question)
        return GOOD


async def test_a_fresh_baselines_pods_are_told_by_their_names() -> None:
    query = 'x{pod=~"{{pods}}",revision="{{revision}}"}'
    check = msgspec.structs.replace(CHECK, query=query)
    subject = msgspec.structs.replace(SUBJECT, workload="web.v1")
    assert promql.fault(query) is None
    provider = Ranges()
    await comparing.compared(check, COMPARE, provider, subject, since_s=0.0, now_s=1e6)
    canary, baseline = (question.query for question in provider.asked)
    assert canary == 'x{pod=~"web[.]v1(-canary)?-new-[a-z0-9]+",revision="new"}'
    assert baseline == 'x{pod=~"web[.]v1-baseline-[a-z0-9]+",revision="old"}'
    names = re.compile(canary.split('"')[1]), re.compile(baseline.split('"')[1])
    pods = ("web.v1-new-4xk2p", "web.v1-canary-new-4xk2p", "web.v1-baseline-4xk2p", "web.v1-old-4xk2p", "web-v1-new-a")
    assert [[bool(name.fullmatch(pod)) for pod in pods] for name in names] == [
        [True, True, False, False, False],
        [False, False, True, False, False],
    ]


def test_names_of_pods_are_matched_and_never_equal() -> None:
    assert "regular expression" in (promql.fault('x{pod="{{pods}}"}') or "")
    assert promql.fault('x{pod!~"{{pods}}"}') is None

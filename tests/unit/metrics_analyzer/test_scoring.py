"""Many checks to one score: Kayenta's numbers where its rule is kept, bounds where it would pass without data."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tidegate_contracts.comparison import Comparison
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.score import Classification, Score, Scored
from tidegate_contracts.validate_score import score_problems
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer import comparison, judge, scoring
from tidegate_metrics_analyzer.comparison import Pair, Samples
from tidegate_metrics_analyzer.conclusion import conclude
from tidegate_metrics_analyzer.judge import Progress, absorb
from tidegate_metrics_analyzer.question import Unanswered, Unusable

Told = tuple[str, str]
"""A check's groups, with * behind them where it is critical and - where it is muted, and its classification."""

HALVES = {"a": 50.0, "b": 50.0}
WORSE = {"fail": 0, "inconclusive": 1, None: 2, "pass": 3}


def counted(told: list[Told], **score: Any) -> scoring.Counted:
    checks = []
    for index, (groups, _) in enumerate(told):
        criticality = {"*": "critical", "-": "muted"}.get(groups[-1:], "normal")
        named = tuple(groups.rstrip("*-").split())
        checks.append(Check(name=f"c{index}", query="q", maximum=1, groups=named, criticality=criticality))  # type: ignore[arg-type]
    return scoring.Counted(Score(**score), tuple(checks))


def scored(told: list[Told], **score: Any) -> Scored:
    return scoring.scored(counted(told, **score), [said for _, said in told])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("told", "weights", "score"),
    [
        ([("", "pass")], {}, 100),
        ([("", "high")], {}, 0),
        ([("", "pass"), ("", "high")], {}, 50),
        ([("", "pass"), ("", "high"), ("", "low")], {}, 33.33),
        ([("a", "pass"), ("a", "pass"), ("b", "high")], {"a": 75, "b": 25}, 75),
        ([("a", "pass"), ("a", "high"), ("b", "high")], HALVES, 25),
        ([("a", "pass"), ("b", "high"), ("c", "pass")], {"a": 70}, 85),
        ([("a", "pass"), ("b", "pass"), ("c", "pass")], {}, 100),
        ([("a", "pass"), ("b", "pass"), ("c", "high")], {}, 66.67),
        ([("a b", "high"), ("b", "pass")], {}, 25),
        ([("", "pass"), ("*", "high")], {}, 0),
        ([("", "low"), ("*", "pass")], {}, 50),
        ([("", "pass"), ("-", "high")], {}, 100),
    ],
)
def test_without_anything_missing_the_score_is_kayentas(
    told: list[Told], weights: dict[str, float], score: float
) -> None:
    found = scored(told, weights=weights)
    assert (found.score, found.best_score) == (score, score)


@pytest.mark.parametrize(
    ("told", "limits", "rule", "verdict"),
    [
        ([("a", "pass"), ("b", "pass")], {}, "reached", "pass"),
        ([("a", "pass"), ("b", "high")], {}, "too_low", "fail"),
        ([("a", "pass"), ("b", "high")], {"marginal_score": 50}, "marginal", "inconclusive"),
        ([("a", "pass"), ("b", "high")], {"marginal_score": 50, "pass_score": 50}, "reached", "pass"),
        ([("a", "pass"), ("b*", "low")], {"marginal_score": 0, "pass_score": 50}, "critical_failed", "fail"),
        # A failure that nothing can make up for ends it, whoever is undecided; a pass and a doubt wait for everybody.
        ([("a", "undecided"), ("b*", "low")], {}, "critical_failed", "fail"),
        ([("a", "undecided"), ("b", "low")], {}, "too_low", "fail"),
        ([("a", "undecided"), ("b", "pass")], {"marginal_score": 0, "pass_score": 50}, "waiting", None),
        ([("a", "undecided"), ("b", "low")], {"marginal_score": 50}, "waiting", None),
        ([("a", "undecided"), ("b", "no_data")], {}, "waiting", None),
        ([("a-", "undecided"), ("b", "pass")], {}, "reached", "pass"),
        # Kayenta leaves it out of its group, or gives the group 100: here it is worth no more than a failure.
        ([("a", "no_data"), ("a", "pass")], {}, "no_data", "inconclusive"),
        ([("a", "no_data"), ("b", "pass")], {}, "no_data", "inconclusive"),
        ([("a", "error"), ("b", "pass")], {}, "no_data", "inconclusive"),
        ([("a", "no_data"), ("b", "pass")], {"pass_score": 50, "marginal_score": 50}, "reached", "pass"),
        ([("a*", "no_data"), ("b", "pass")], {"pass_score": 50, "marginal_score": 50}, "no_data", "inconclusive"),
        ([("a", "no_data"), ("b", "low"), ("c", "pass")], {}, "too_low", "fail"),
        ([("a", "no_data"), ("b", "low"), ("c", "pass")], {"marginal_score": 30}, "marginal", "inconclusive"),
        # Kayenta fails where half of all have no data; here nothing is known of a canary of which nothing is known.
        ([("a", "no_data"), ("b", "error")], {}, "no_data", "inconclusive"),
    ],
)
def test_a_score_is_held_against_both_limits(
    told: list[Told], limits: dict[str, float], rule: str, verdict: str | None
) -> None:
    found = scored(told, **limits)
    assert (found.rule, scoring.verdict(found)) == (rule, verdict)


told = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "a b", "a*", "b*", "c-"]), st.sampled_from(get_args(Classification))),
    min_size=1,
    max_size=8,
)
scores = st.fixed_dictionaries({"pass_score": st.floats(50, 100), "marginal_score": st.floats(0, 50)})
BETTER: dict[str, int] = {"high": 0, "low": 0, "error": 1, "no_data": 1, "undecided": 1, "pass": 2}


@given(told, scores, st.data())
def test_a_worse_check_never_makes_a_verdict_better(
    told: list[Told], score: dict[str, float], data: st.DataObject
) -> None:
    assume(any(not groups.endswith("-") for groups, _ in told))
    index = data.draw(st.integers(0, len(told) - 1))
    groups, said = told[index]
    worse = data.draw(st.sampled_from([kind for kind, rank in BETTER.items() if rank <= BETTER[said]]))
    # Between the kinds of missing it is only a matter of what is known: a check that is decided lets others speak.
    assume(worse != "undecided" and said != "undecided")
    before = scored(told, **score)
    after = scored([*told[:index], (groups, worse), *told[index + 1 :]], **score)
    assert after.score <= before.score
    assert after.best_score <= before.best_score
    assert WORSE[scoring.verdict(after)] <= WORSE[scoring.verdict(before)]


@given(told, scores, st.data())
def test_whatever_comes_of_an_undecided_check_was_within_the_bounds(
    told: list[Told], score: dict[str, float], data: st.DataObject
) -> None:
    assume(any(not groups.endswith("-") for groups, _ in told))
    before = scored(told, **score)
    decided = [
        (groups, data.draw(st.sampled_from(["pass", "high", "no_data"])) if said == "undecided" else said)
        for groups, said in told
    ]
    after = scored(decided, **score)
    assert before.score <= after.score <= after.best_score <= before.best_score
    assert scoring.verdict(after) is not None
    if scoring.verdict(before) == "fail":
        assert scoring.verdict(after) == "fail"


@given(told, st.integers(1, 98), st.integers(1, 98))
def test_more_weight_for_the_worse_group_never_makes_the_score_better(told: list[Told], less: int, more: int) -> None:
    present = {name for groups, _ in told if groups[-1] != "-" for name in groups.rstrip("*").split()}
    assume("a" in present and len(present) > 1 and less < more)
    before, after = (scored(told, weights={"a": weight}) for weight in (less, more))
    others = [group.score for group in before.groups if group.name != "a"]
    own = next(group.score for group in before.groups if group.name == "a")
    if own <= sum(others) / len(others):
        assert after.score <= before.score + 0.01
    else:
        assert after.score >= before.score - 0.01


@given(told, scores)
def test_a_pass_would_be_one_with_every_missing_check_failed(told: list[Told], score: dict[str, float]) -> None:
    assume(any(not groups.endswith("-") for groups, _ in told))
    if scoring.verdict(scored(told, **score)) == "pass":
        failed = [(groups, "high" if said in scoring.MISSING else said) for groups, said in told]
        assert scoring.verdict(scored(failed, **score)) == "pass"
        assert all(said != "undecided" for groups, said in told if groups[-1] != "-")


RANGE = Check(
    name="errors",
    query="q",
    minimum=1,
    maximum=2,
    count=2,
    failure_limit=2,
    inconclusive_limit=2,
    consecutive_error_limit=1,
)
COMPARED = msgspec.structs.replace(
    RANGE, minimum=None, maximum=None, compare=Comparison(direction="either", points=12), inconclusive_limit=1
)


def ranged(*readings: float | Unusable) -> Progress:
    progress = Progress()
    for reading in readings:
        progress = absorb(RANGE, progress, reading, 1.0)
    return progress


def compared(canary: float, pairs: int = 12, *others: float) -> Progress:
    both = (*(Pair(canary, 5.0) for _ in range(pairs)), *(Pair(other, 5.0) for other in others))
    samples = Samples(pairs=both, canary_points=len(both), stable_points=len(both))
    assert COMPARED.compare is not None
    return absorb(COMPARED, Progress(), comparison.judge(samples, COMPARED.compare), 1.0)


NOTHING, ERROR = Unusable("no data"), Unanswered("no answer within 1 s")


@pytest.mark.parametrize(
    ("check", "progress", "classification"),
    [
        (RANGE, ranged(), "undecided"),
        (RANGE, ranged(1.5, 1.5), "pass"),
        (RANGE, ranged(0.5, 0.5), "low"),
        (RANGE, ranged(2.5, 2.5), "high"),
        (RANGE, ranged(2.5, 2.5, NOTHING), "high"),
        (RANGE, ranged(2.5), "undecided"),
        (RANGE, ranged(1.5, 1.5, NOTHING, NOTHING), "no_data"),
        (RANGE, ranged(1.5, 1.5, ERROR), "pass"),
        (RANGE, ranged(1.5, 1.5, ERROR, ERROR), "error"),
        (COMPARED, compared(5.0, 3), "undecided"),
        (COMPARED, compared(5.1), "pass"),
        (COMPARED, compared(5.8), "high"),
        (COMPARED, compared(4.2), "low"),
        # What failed it early is told of, not what came since.
        (COMPARED, compared(4.2, 12, *[9.0] * 30), "low"),
        (COMPARED, absorb(COMPARED, compared(5.1), NOTHING, 1.0), "no_data"),
    ],
)
def test_a_check_is_classified_by_its_own_verdict(
    check: Check, progress: Progress, classification: Classification
) -> None:
    assert scoring.classify(check, progress) == classification
    assert scoring.classify(check, progress, "no such provider") == "error"


ORDER = Analyse(
    rollout="r", revision=7, workload=WorkloadReference(name="web"), step=2, stable_revision="a", canary_revision="b"
)


def reason(told: list[Told], verdict: judge.Verdict, *measurements: judge.Measurement, **score: Any) -> str:
    found = scored(told, **score)
    fact = conclude(ORDER, "step", verdict, measurements, started_at_s=1.0, at_s=2.0, scored=found)
    assert fact.scored is found
    return fact.reason


def measurement(name: str, verdict: judge.Verdict) -> judge.Measurement:
    return judge.Measurement(check=name, query="q", verdict=verdict, reason=f"it is {verdict}")


def test_the_reason_tells_the_score_and_who_made_it() -> None:
    mixed: list[Told] = [("a", "pass"), ("a", "high"), ("b", "no_data"), ("b-", "low")]
    assert reason(mixed, "inconclusive", marginal_score=50.0) == (
        "the score is 25 to 75 (pass at 95, marginal at 50); failed: c1 (high); missing: c2 (no data)"
    )
    assert reason([("", "low"), ("*", "high")], "fail") == "the score is 0: critical checks failed: c1 (high)"
    passed: list[Told] = [("", "pass")]
    assert reason(passed, "pass", measurement("c0", "pass"), measurement("pod_restarts", "pass")) == (
        "the score is 100 (pass at 95, marginal at 75); all of 1 checks passed"
    )
    assert reason(passed, "fail", measurement("c0", "pass"), measurement("pod_restarts", "fail")) == (
        "pod_restarts: it is fail"
    )


def problems(checks: list[dict[str, Any]], score: dict[str, Any] | None) -> list[str]:
    analysis = msgspec.convert({"checks": checks, "score": score}, Analysis)
    return [problem.field for problem in score_problems("analysis", analysis)]


NAMED = [{"name": "x", "groups": ["a"]}, {"name": "y", "groups": ["b"]}]


@pytest.mark.parametrize(
    ("checks", "score", "fields"),
    [
        (NAMED, {}, []),
        (NAMED, {"weights": {"a": 99}}, []),
        (NAMED, {"weights": {"a": 33.33, "b": 66.67}}, []),
        ([{"name": "x"}], {"weights": {"default": 100}}, []),
        (NAMED, None, ["analysis.checks[0].groups", "analysis.checks[1].groups"]),
        ([{"name": "x", "criticality": "critical"}], None, ["analysis.checks[0].criticality"]),
        ([], {}, ["analysis.score"]),
        ([{"name": "x", "criticality": "muted"}], {}, ["analysis.score"]),
        (NAMED, {"pass_score": 0, "marginal_score": 0}, ["analysis.score.pass_score"]),
        (NAMED, {"pass_score": 100.5}, ["analysis.score.pass_score"]),
        (NAMED, {"pass_score": 50}, ["analysis.score.marginal_score"]),
        (NAMED, {"marginal_score": -1}, ["analysis.score.marginal_score"]),
        (NAMED, {"weights": {"a": 50, "b": 40}}, ["analysis.score.weights"]),
        (NAMED, {"weights": {"a": 100}}, ["analysis.score.weights"]),
        (NAMED, {"weights": {"a": 120}}, ["analysis.score.weights.a", "analysis.score.weights"]),
        (NAMED, {"weights": {"a": 0}}, ["analysis.score.weights.a"]),
        (NAMED, {"weights": {"a": 40, "c": 10}}, ["analysis.score.weights"]),
        (
            [*NAMED, {"name": "z", "groups": ["c"], "criticality": "muted"}],
            {"weights": {"c": 10}},
            ["analysis.score.weights"],
        ),
        ([{"name": "x"}, {"name": "y", "dry_run": True}], {}, ["analysis.checks[1].dry_run"]),
        ([{"name": "x"}, {"name": "y", "dry_run": True}], None, []),
        ([{"name": "x", "groups": ["A"]}], {}, ["analysis.checks[0].groups"]),
        ([{"name": "x", "groups": ["a", "a"]}], {}, ["analysis.checks[0].groups"]),
        ([{"name": "x", "groups": list("abcde")}], {}, ["analysis.checks[0].groups"]),
        ([{"name": f"x{n}", "groups": [f"a{n}"]} for n in range(21)], {}, ["analysis.score.weights"]),
    ],
)
def test_a_score_that_could_not_mean_what_it_says_is_refused(
    checks: list[dict[str, Any]], score: dict[str, Any] | None, fields: list[str]
) -> None:
    assert problems(checks, score) == fields

"""Verdicts from readings, as rules and as properties: nothing unusable ever helps a check to pass."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import judge
from tidegate_metrics_analyzer.judge import Progress, Verdict, absorb, verdict_of_check
from tidegate_metrics_analyzer.question import Reading, Unanswered, Unusable

CHECK = Check(
    name="errors", query="q", maximum=0.05, count=3, failure_limit=2, inconclusive_limit=4, consecutive_error_limit=2
)
GOOD, BAD, NONE, ERROR = 0.01, 0.5, Unusable("no data"), Unanswered("no answer within 1 s")

readings = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([GOOD, BAD]), st.sampled_from([NONE, ERROR])
)
checks = st.builds(
    Check,
    name=st.just("errors"),
    query=st.just("q"),
    minimum=st.none() | st.floats(-1, 0),
    maximum=st.none() | st.floats(0, 1),
    count=st.integers(1, 5),
    failure_limit=st.integers(1, 5),
    inconclusive_limit=st.integers(1, 5),
    consecutive_error_limit=st.integers(0, 5),
)


def measured(check: Check, *found: Reading) -> Progress:
    progress = Progress()
    for reading in found:
        progress = absorb(check, progress, reading, 1.0)
    return progress


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        pytest.param([], None, id="nothing measured"),
        pytest.param([GOOD, GOOD], None, id="too few passes"),
        pytest.param([GOOD, GOOD, GOOD], "pass", id="count passes"),
        pytest.param([BAD], None, id="one failure is tolerated"),
        pytest.param([BAD, BAD], "fail", id="failure_limit failures in a row"),
        pytest.param([BAD, NONE, BAD], "fail", id="an unusable reading does not interrupt failures"),
        pytest.param([GOOD, NONE, GOOD, GOOD], "pass", id="an unusable reading does not undo passes"),
        pytest.param([GOOD, BAD, GOOD, GOOD], None, id="a failure starts the count anew"),
        pytest.param([GOOD, BAD, GOOD, BAD, GOOD, BAD, GOOD], None, id="flapping never passes"),
        pytest.param([NONE] * 4, "inconclusive", id="inconclusive_limit unusable readings in a row"),
        pytest.param([GOOD, GOOD, GOOD, *[NONE] * 4], "inconclusive", id="old passes do not vouch for now"),
        pytest.param([NONE, NONE, NONE, GOOD, NONE, NONE, NONE], None, id="a usable reading interrupts doubt"),
        pytest.param([NONE, NONE, NONE, BAD, NONE], "inconclusive", id="a failure does not interrupt doubt"),
        pytest.param([NONE, NONE, NONE, BAD, GOOD, NONE], None, id="a good value after a failure does"),
        pytest.param([GOOD, GOOD, GOOD, BAD, BAD], "fail", id="a check that passed can still fail"),
        pytest.param([ERROR, ERROR], None, id="errors up to their limit are borne"),
        pytest.param([ERROR] * 3, "inconclusive", id="one error more than their limit"),
        pytest.param([GOOD, GOOD, GOOD, *[ERROR] * 3], "inconclusive", id="old passes do not vouch for errors"),
        pytest.param([GOOD, ERROR, GOOD, ERROR, GOOD], "pass", id="errors that end count for nothing"),
        pytest.param([ERROR, ERROR, NONE, ERROR], "inconclusive", id="missing data does not interrupt errors"),
        pytest.param([ERROR, BAD, ERROR, ERROR], "inconclusive", id="a failure does not interrupt errors"),
        pytest.param([ERROR, ERROR, NONE, NONE, NONE], None, id="errors and missing data have a limit each"),
        pytest.param([BAD, ERROR, BAD, ERROR, ERROR], "fail", id="errors do not save a check from failing"),
        pytest.param([math.nan] * 2, "fail", id="NaN that slipped through is never within a range"),
    ],
)
def test_a_check_is_judged_by_its_latest_readings(found: list[Reading], verdict: Verdict | None) -> None:
    assert verdict_of_check(CHECK, measured(CHECK, *found)) == verdict


@given(check=checks, found=st.lists(readings, max_size=30))
@example(check=CHECK, found=[NONE] * 10)
def test_a_pass_needs_enough_finite_readings_within_the_range(check: Check, found: list[Reading]) -> None:
    if verdict_of_check(check, measured(check, *found)) == "pass":
        low = -math.inf if check.minimum is None else check.minimum
        high = math.inf if check.maximum is None else check.maximum
        within = [value for value in found if isinstance(value, float) and low <= value <= high]
        assert len(within) >= check.count
        assert (check.minimum, check.maximum) != (None, None)


@given(
    check=checks,
    found=st.lists(readings, max_size=30),
    where=st.integers(0, 30),
    doubt=st.sampled_from([NONE, ERROR]),
)
def test_one_more_unusable_reading_never_makes_a_pass(
    check: Check, found: list[Reading], where: int, doubt: Unusable
) -> None:
    doubtful = [*found[:where], doubt, *found[where:]]
    if verdict_of_check(check, measured(check, *doubtful)) == "pass":
        assert verdict_of_check(check, measured(check, *found)) == "pass"


GRADES: list[Verdict | None] = ["fail", "inconclusive", None, "pass"]
few_readings = st.lists(st.sampled_from([GOOD, BAD, NONE, ERROR]), max_size=20)
OF_DEFAULTS = Check(name="errors", query="q", maximum=0.05)


def grades(check: Check, found: list[Reading]) -> tuple[int, int]:
    """How good the verdict is: the first one on the way, which ends a step, and the one after the last reading."""
    verdicts = [verdict_of_check(check, measured(check, *found[:length])) for length in range(len(found) + 1)]
    first = next((verdict for verdict in verdicts if verdict is not None), None)
    return GRADES.index(first), GRADES.index(verdicts[-1])


@given(check=checks.filter(lambda check: check.maximum is not None), found=few_readings, where=st.integers(0, 20))
@example(check=OF_DEFAULTS, found=[*[NONE] * 10, *[GOOD] * 3], where=5)
def test_one_more_failure_never_makes_a_verdict_better(check: Check, found: list[Reading], where: int) -> None:
    bad = 2.0  # above any maximum
    first, last = grades(check, found)
    with_one_more = grades(check, [*found[:where], bad, *found[where:]])
    assert with_one_more[0] <= first
    assert with_one_more[1] <= last


@given(check=checks.filter(lambda check: check.maximum is not None), found=few_readings, where=st.integers(0, 20))
@example(check=CHECK, found=[NONE, NONE, GOOD, NONE, NONE, GOOD, GOOD, GOOD], where=2)
def test_a_good_value_turned_into_a_failure_never_makes_a_verdict_better(
    check: Check, found: list[Reading], where: int
) -> None:
    turned = [2.0 if index == where and reading == GOOD else reading for index, reading in enumerate(found)]
    first, last = grades(check, found)
    assert grades(check, turned)[0] <= first
    assert grades(check, turned)[1] <= last


@given(check=checks, found=st.lists(st.just(NONE), max_size=30))
def test_unusable_readings_alone_only_ever_make_doubt(check: Check, found: list[Reading]) -> None:
    expected = "inconclusive" if len(found) >= check.inconclusive_limit else None
    assert verdict_of_check(check, measured(check, *found)) == expected


@given(check=checks, found=st.lists(st.just(ERROR), max_size=30))
def test_errors_alone_only_ever_make_doubt_by_argos_count(check: Check, found: list[Reading]) -> None:
    expected = "inconclusive" if len(found) > check.consecutive_error_limit else None
    assert verdict_of_check(check, measured(check, *found)) == expected


@given(check=checks, found=st.lists(readings, max_size=60))
def test_the_evidence_counts_every_measurement(check: Check, found: list[Reading]) -> None:
    evidence = judge.evidence(check, "q", measured(check, *found))
    assert evidence.measured == len(found)
    assert evidence.inconclusive == sum(isinstance(reading, Unusable) for reading in found)
    assert evidence.errors == found.count(ERROR)
    assert evidence.failed + evidence.inconclusive <= evidence.measured
    assert len(evidence.values) == min(len(found), judge.VALUES_KEPT)


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        pytest.param(["pass", "pass"], "pass", id="all pass"),
        pytest.param(["pass", None], None, id="one undecided"),
        pytest.param(["fail", None, "pass"], "fail", id="a failure decides at once"),
        pytest.param(["fail", "inconclusive"], "fail", id="a failure outranks doubt"),
        pytest.param(["inconclusive", None], None, id="an undecided check may still fail"),
        pytest.param(["inconclusive", "pass"], "inconclusive", id="doubt outranks passes"),
        pytest.param([], None, id="no checks never pass"),
    ],
)
def test_a_step_is_as_good_as_its_worst_check(verdicts: list[Verdict | None], verdict: Verdict | None) -> None:
    assert judge.verdict_of_step(verdicts) == verdict


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        (["pass", "pass"], None),
        ([None], None),
        (["inconclusive", None], "inconclusive"),
        (["inconclusive", "fail"], "fail"),
    ],
    ids=["passing is no news", "undecided is no news", "doubt is news at once", "a failure outranks doubt"],
)
def test_the_background_reports_bad_news_only(verdicts: list[Verdict | None], verdict: Verdict | None) -> None:
    assert judge.verdict_in_background(verdicts) == verdict


def test_the_evidence_tells_the_numbers_the_query_and_the_reason() -> None:
    evidence = judge.evidence(CHECK, "rate(x[5s])", measured(CHECK, GOOD, BAD, BAD))
    assert (evidence.check, evidence.query, evidence.verdict) == ("errors", "rate(x[5s])", "fail")
    assert (evidence.values, evidence.maximum, evidence.failed) == ((GOOD, BAD, BAD), 0.05, 2)
    assert evidence.reason == "2 measurements in a row were not at most 0.05, the last was 0.5"


def test_the_evidence_tells_the_rule_in_words_and_when_it_was_measured() -> None:
    progress = absorb(CHECK, absorb(CHECK, Progress(), GOOD, 1000.5), NONE, 1060.0)
    evidence = judge.evidence(CHECK, "q", progress)
    assert (evidence.first_at_s, evidence.last_at_s) == (1000.5, 1060.0)
    assert evidence.rule == (
        f"{CHECK.count} measurements at most 0.05 with none outside between them pass it, "
        f"{CHECK.failure_limit} outside in a row fail it, "
        f"{CHECK.inconclusive_limit} in a row without a usable value, or more than {CHECK.consecutive_error_limit} "
        "without an answer, make it inconclusive; "
        f"one each {CHECK.interval_s:g} s, looking back {CHECK.window_s:g} s"
    )
    unmeasured = judge.evidence(CHECK, "q", Progress())
    assert (unmeasured.first_at_s, unmeasured.last_at_s) == (None, None)


def test_an_unusable_value_stands_as_a_gap_with_its_reason() -> None:
    evidence = judge.evidence(CHECK, "q", measured(CHECK, GOOD, *[NONE] * 4))
    assert evidence.values == (GOOD, None, None, None, None)
    assert "no data" in evidence.reason


def test_failures_between_unusable_values_are_told() -> None:
    reason = judge.evidence(CHECK, "q", measured(CHECK, NONE, NONE, BAD, NONE, NONE)).reason
    assert reason == "4 measurements with only failures between them had no usable value: no data"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([ERROR] * 3, "3 measurements in a row had no answer: no answer within 1 s"),
        (
            [ERROR, NONE, BAD, ERROR, ERROR],
            "3 measurements with only unusable values and failures between them had no answer: no answer within 1 s",
        ),
        ([NONE, ERROR, *[NONE] * 3], "4 measurements with only errors between them had no usable value: no data"),
    ],
    ids=["nothing but errors", "others between errors", "errors between others"],
)
def test_the_reason_tells_errors_from_missing_values(found: list[Reading], reason: str) -> None:
    assert judge.evidence(CHECK, "q", measured(CHECK, *found)).reason == reason


def test_a_query_in_the_evidence_is_one_short_line() -> None:
    evidence = judge.evidence(CHECK, "a\n  +\tb\x00" + "ü" * 4000, Progress())
    assert evidence.query.startswith("a + b?ü")
    assert len(evidence.query.encode()) <= judge.QUERY_BYTES_KEPT + len("…".encode())

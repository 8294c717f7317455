"""Argo's rules as tables: what a measurement is, how it is counted, when a metric and a run are decided, and how."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_contracts.templates import Phase, Rule
from tidegate_metrics_analyzer.argo import quirks, schedule
from tidegate_metrics_analyzer.argo.counting import Counts, Taken, absorb
from tidegate_metrics_analyzer.argo.metric import NO_LIMIT, Limits, PlannedMetric
from tidegate_metrics_analyzer.argo.phase import NO_DATA, Found, Unevaluable, phase_of
from tidegate_metrics_analyzer.argo.verdict import FINAL, Status, is_worse, metric_status, run_phase, worst

LETTERS: dict[str, Phase] = {"S": "Successful", "F": "Failed", "I": "Inconclusive", "E": "Error"}


def counted(letters: Sequence[str]) -> Counts:
    counts = Counts()
    for number, letter in enumerate(letters):
        taken = Taken(phase=LETTERS[letter], started_at_s=number, finished_at_s=number + 0.5)
        counts = absorb(counts, taken, samples_kept=10)
    return counts


def ended(limits: Limits, letters: Sequence[str]) -> Status:
    """The first final status on the way, as the runner stops there; otherwise the last one."""
    for length in range(len(letters) + 1):
        status = metric_status(limits, counted(letters[:length]))
        if status.phase in FINAL:
            return status
    return status


def metric(**fields: Any) -> PlannedMetric:
    return PlannedMetric(name="m", provider="prometheus", block={"query": "q"}, **fields)


def told(*answers: bool | Unevaluable) -> Any:
    """Conditions named "0", "1", … are worth these."""
    return lambda condition, _result: answers[int(condition)]


@pytest.mark.parametrize(
    ("success", "failure", "phase"),
    [
        (None, None, "Successful"),
        (True, None, "Successful"),
        (False, None, "Failed"),
        (None, True, "Failed"),
        (None, False, "Successful"),
        (True, True, "Failed"),
        (False, True, "Failed"),
        (True, False, "Successful"),
        (False, False, "Inconclusive"),
        (Unevaluable("why"), None, "Error"),
        (Unevaluable("why"), True, "Error"),
        (True, Unevaluable("why"), "Error"),
        (None, Unevaluable("why"), "Error"),
    ],
)
def test_the_conditions_make_the_phase(
    success: bool | Unevaluable | None, failure: bool | Unevaluable | None, phase: Phase
) -> None:
    measured = metric(
        success_condition="" if success is None else "0", failure_condition="" if failure is None else "1"
    )
    assert phase_of(measured, 0.5, told(success or False, failure or False)).phase == phase


def test_an_error_names_the_condition_and_what_is_wrong_with_it() -> None:
    failing = told(Unevaluable("mismatched types"))
    said = phase_of(metric(success_condition="0"), 0.5, failing)
    assert said == Found("Error", 'could not evaluate successCondition "0": mismatched types')
    for nothing in (None, []):
        said = phase_of(metric(success_condition="0"), nothing, failing)
        assert said == Found("Error", f'could not evaluate successCondition "0": {NO_DATA}')


@pytest.mark.parametrize("result", [float("nan"), float("inf"), -float("inf"), [1.0, float("nan")], (), None, []])
@pytest.mark.parametrize("conditions", [(), ("success",), ("failure",), ("success", "failure")])
def test_no_odd_result_passes_by_accident(result: object, conditions: tuple[str, ...]) -> None:
    measured = metric(**{f"{which}_condition": "result > 1" for which in conditions})
    for success, failure in itertools.product((True, False), repeat=2):
        answers = iter([success, failure] if "success" in conditions else [failure])
        assert phase_of(measured, result, lambda *_: next(answers)).phase != "Successful"  # noqa: B023 - used at once


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("isNaN(result) || result < 1", float("nan")),
        ("len(result) == 0 || result[0] < 1", []),
        ("default(result, 0) < 1", None),
        ("(result ?? 0) < 1", None),
        ("isInf(result)", float("inf")),
    ],
)
def test_an_odd_result_passes_where_the_condition_says_what_it_means(condition: str, result: object) -> None:
    assert phase_of(metric(success_condition=condition), result, lambda *_: True) == Found("Successful")


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", (0, 0, 0, 0, 0, 0, 0)),
        ("S", (1, 1, 0, 0, 0, 0, 1)),
        ("SS", (2, 2, 0, 0, 0, 0, 2)),
        ("SF", (2, 1, 1, 0, 0, 0, 0)),
        ("SI", (2, 1, 0, 1, 0, 0, 0)),
        ("SE", (1, 1, 0, 0, 1, 1, 0)),
        ("EE", (0, 0, 0, 0, 2, 2, 0)),
        ("EES", (1, 1, 0, 0, 2, 0, 1)),
        ("EEF", (1, 0, 1, 0, 2, 0, 0)),
        ("EEI", (1, 0, 0, 1, 2, 0, 0)),
        ("SESES", (3, 3, 0, 0, 2, 0, 1)),
    ],
)
def test_errors_do_not_count_and_only_good_ones_go_on_a_row(letters: str, expected: tuple[int, ...]) -> None:
    counts = counted(letters)
    found = (counts.count, counts.successful, counts.failed, counts.inconclusive, counts.error)
    assert (*found, counts.consecutive_error, counts.consecutive_success) == expected


def test_a_measurement_counts_once_and_only_in_order() -> None:
    counts = counted("SF")
    for started_at_s in (0.0, 0.5, 1.0):
        late = Taken(phase="Successful", started_at_s=started_at_s, finished_at_s=99.0)
        assert absorb(counts, late, samples_kept=10) == counts


def test_the_last_samples_are_kept() -> None:
    counts = Counts()
    for number in range(5):
        taken = Taken(phase="Successful", started_at_s=number, finished_at_s=number, value=f"v{number}", number=number)
        counts = absorb(counts, taken, samples_kept=2)
    assert [sample.value for sample in counts.samples] == ["v3", "v4"]
    assert counts.numbers == (3, 4)


NONE = Limits(count=None)
IN_A_ROW: Rule = "consecutive_success_limit"
VERDICTS: list[tuple[Limits, str, Phase, Rule]] = [
    (NONE, "", "Pending", "not_measured"),
    (NONE, "S", "Running", "going_on"),
    (NONE, "SSSSSSSSSSSS", "Running", "going_on"),
    (Limits(), "S", "Successful", "count"),
    (Limits(), "E", "Running", "going_on"),
    (Limits(), "EEEE", "Running", "going_on"),
    (Limits(), "EEEEE", "Error", "consecutive_error_limit"),
    (Limits(), "EEEES", "Successful", "count"),
    (Limits(), "F", "Failed", "failure_limit"),
    (Limits(), "I", "Inconclusive", "inconclusive_limit"),
    (Limits(count=3), "SS", "Running", "going_on"),
    (Limits(count=3), "SSS", "Successful", "count"),
    (Limits(count=3), "SF", "Failed", "failure_limit"),
    (Limits(count=3, failure_limit=1), "SFS", "Successful", "count"),
    (Limits(count=3, failure_limit=1), "FF", "Failed", "failure_limit"),
    (Limits(count=3, failure_limit=3), "FFF", "Successful", "count"),
    (Limits(count=3, inconclusive_limit=1), "ISS", "Successful", "count"),
    (Limits(count=3, inconclusive_limit=1), "II", "Inconclusive", "inconclusive_limit"),
    (Limits(count=3, failure_limit=1, inconclusive_limit=1), "FIS", "Successful", "count"),
    (Limits(count=9, consecutive_error_limit=0), "SE", "Error", "consecutive_error_limit"),
    (Limits(count=9, consecutive_error_limit=1), "ESES", "Running", "going_on"),
    (Limits(count=9, consecutive_error_limit=1), "SEE", "Error", "consecutive_error_limit"),
    (Limits(count=None, failure_limit=2), "FSFSF", "Failed", "failure_limit"),
    (Limits(count=None, consecutive_success_limit=2), "SS", "Successful", IN_A_ROW),
    (Limits(failure_limit=1, count=None, consecutive_success_limit=2), "SFSS", "Successful", IN_A_ROW),
    (Limits(count=None, consecutive_success_limit=2), "SES", "Running", "going_on"),
    (Limits(count=4, failure_limit=2, consecutive_success_limit=2), "SFSF", "Inconclusive", "count_undecided"),
    (Limits(count=4, failure_limit=1, consecutive_success_limit=2), "SFSF", "Failed", "failure_limit"),
    (Limits(count=4, failure_limit=2, consecutive_success_limit=2), "FSFS", "Inconclusive", "count_undecided"),
    (Limits(count=3, failure_limit=NO_LIMIT, consecutive_success_limit=2), "SFS", "Failed", "count_without_success"),
    (Limits(count=3, failure_limit=NO_LIMIT, consecutive_success_limit=2), "FSS", "Successful", IN_A_ROW),
    (Limits(count=None, failure_limit=NO_LIMIT, consecutive_success_limit=2), "FFFFFF", "Running", "going_on"),
    (Limits(count=1, consecutive_success_limit=1), "S", "Successful", IN_A_ROW),
    (Limits(count=1, consecutive_success_limit=1), "F", "Failed", "failure_limit"),
]


@pytest.mark.parametrize(("limits", "letters", "phase", "rule"), VERDICTS)
def test_limits_and_outcomes_make_a_metrics_phase(limits: Limits, letters: str, phase: Phase, rule: Rule) -> None:
    status = ended(limits, letters)
    assert (status.phase, status.rule) == (phase, rule)


@pytest.mark.parametrize(
    ("failed", "inconclusive", "errors", "phase"),
    [
        (1, 0, 0, "Failed"),
        (1, 1, 0, "Inconclusive"),
        (1, 0, 1, "Error"),
        (0, 1, 1, "Error"),
        (1, 1, 1, "Error"),
        (0, 0, 0, "Running"),
    ],
)
def test_of_several_limits_exceeded_the_last_one_counts(
    failed: int, inconclusive: int, errors: int, phase: Phase
) -> None:
    counts = Counts(
        failed=failed,
        inconclusive=inconclusive,
        consecutive_error=errors,
        last=Taken(phase="Error", started_at_s=0, finished_at_s=0),
    )
    assert metric_status(Limits(count=None, consecutive_error_limit=0), counts).phase == phase


def test_the_reason_is_in_argos_words() -> None:
    assert metric_status(Limits(), counted("F")).reason == "failed (1) > failureLimit (0)"
    assert metric_status(Limits(), counted("I")).reason == "inconclusive (1) > inconclusiveLimit (0)"
    assert metric_status(Limits(), counted("EEEEE")).reason == "consecutiveErrors (5) > consecutiveErrorLimit (4)"


@pytest.mark.parametrize(
    ("limits", "letters", "phase"),
    [
        (NONE, "", "Successful"),
        (NONE, "S", "Successful"),
        (Limits(count=3, failure_limit=1), "F", "Successful"),
        (Limits(count=3), "E", "Successful"),
        (Limits(count=3), "F", "Failed"),
        (Limits(count=1, consecutive_success_limit=1, failure_limit=1), "F", "Inconclusive"),
    ],
)
def test_a_metric_whose_run_is_ended_is_good_unless_it_was_bad(limits: Limits, letters: str, phase: Phase) -> None:
    assert metric_status(limits, counted(letters), terminating=True).phase == phase


def status(phase: Phase) -> Status:
    return Status(phase, "going_on")


@pytest.mark.parametrize(
    ("phases", "dry", "expected"),
    [
        (["Successful"], [], "Successful"),
        (["Running"], [], "Running"),
        (["Pending", "Successful"], [], "Running"),
        (["Failed", "Pending"], [], "Failed"),
        (["Error", "Running"], [], "Error"),
        (["Inconclusive", "Running"], [], "Inconclusive"),
        (["Inconclusive", "Failed"], [], "Failed"),
        (["Error", "Failed"], [], "Failed"),
        (["Inconclusive", "Error"], [], "Error"),
        (["Successful", "Successful"], [], "Successful"),
        ([], ["Failed"], "Successful"),
        (["Successful"], ["Failed"], "Successful"),
        (["Successful"], ["Error", "Inconclusive"], "Successful"),
        (["Successful"], ["Running"], "Running"),
        (["Failed"], ["Running"], "Failed"),
        (["Running"], ["Failed"], "Running"),
    ],
)
def test_the_worst_metric_makes_the_run(phases: list[Phase], dry: list[Phase], expected: Phase) -> None:
    assert run_phase([*((status(one), False) for one in phases), *((status(one), True) for one in dry)]) == expected


def test_worse_and_worst_agree() -> None:
    order: list[Phase] = ["Successful", "Running", "Pending", "Inconclusive", "Error", "Failed"]
    assert [is_worse(after, before) for before, after in itertools.pairwise(order)] == [True] * 5
    assert worst(order) == "Failed"


outcomes = st.text("SFIE", max_size=14)
all_limits = st.builds(
    Limits,
    count=st.none() | st.integers(1, 8),
    failure_limit=st.integers(NO_LIMIT, 4),
    inconclusive_limit=st.integers(0, 3),
    consecutive_error_limit=st.integers(0, 4),
    consecutive_success_limit=st.integers(0, 4),
)


@given(all_limits, outcomes, st.data())
def test_more_failures_never_make_a_verdict_better(limits: Limits, letters: str, data: st.DataObject) -> None:
    good = [index for index, letter in enumerate(letters) if letter == "S"]
    changed = data.draw(st.sets(st.sampled_from(good))) if good else set()
    worse = "".join("F" if index in changed else letter for index, letter in enumerate(letters))
    assert not is_worse(ended(limits, letters).phase, than=ended(limits, worse).phase)


@given(all_limits, st.text("FIE", max_size=14), st.booleans())
def test_nothing_passes_without_a_good_measurement_or_a_forgiving_limit(
    limits: Limits, letters: str, terminating: bool
) -> None:
    found = ended(limits, letters)
    if found.phase == "Successful":
        assert limits.failure_limit > 0 or limits.inconclusive_limit > 0
    assert ended(limits, "E" * len(letters)).phase != "Successful"
    assert terminating or metric_status(limits, Counts()).phase == "Pending"


@given(all_limits, outcomes)
def test_a_run_is_never_better_than_its_metric(limits: Limits, letters: str) -> None:
    found = ended(limits, letters)
    for others in itertools.product([status("Successful"), status("Running"), status("Failed")], repeat=2):
        whole = run_phase([(found, False), *((other, False) for other in others)])
        assert found.phase not in FINAL or not is_worse(found.phase, than=whole)


EVERY_10 = metric(interval_s=10.0, initial_delay_s=3.0, limits=Limits(count=2))


@pytest.mark.parametrize(
    ("measured", "letters", "reading", "next_at_s"),
    [
        (EVERY_10, "", quirks.ARGO, 103.0),
        (EVERY_10, "S", quirks.ARGO, 10.5),
        (EVERY_10, "SS", quirks.ARGO, None),
        (EVERY_10, "SE", quirks.ARGO, 11.5),
        (EVERY_10, "SEE", quirks.ARGO, 12.5),
        (metric(interval_s=1.0, limits=Limits(count=9)), "E", quirks.ARGO, 10.5),
        (metric(interval_s=1.0, limits=Limits(count=9)), "E", quirks.NONE, 1.5),
        (metric(interval_s=60.0, limits=Limits(count=9)), "E", quirks.NONE, 10.5),
        (metric(interval_s=60.0, limits=Limits(count=9)), "ES", quirks.ARGO, 61.5),
        (metric(interval_s=5.0, limits=NONE), "S" * 12, quirks.ARGO, 16.5),
        (metric(), "", quirks.ARGO, 100.0),
        (metric(), "E", quirks.NONE, 10.5),
        (metric(), "S", quirks.ARGO, None),
    ],
)
def test_when_a_metric_is_measured_next(
    measured: PlannedMetric, letters: str, reading: quirks.Reading, next_at_s: float | None
) -> None:
    assert schedule.next_at_s(measured, counted(letters), 100.0, reading) == next_at_s

"""Results without any value, judged by real conditions: they pass only where a condition asks about that."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tidegate_contracts.templates import Phase
from tidegate_metrics_analyzer.argo import conditions
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.argo.phase import Found, phase_of
from tidegate_metrics_analyzer.argo.query import result_of
from tidegate_metrics_analyzer.expr import Expression, compile_expression

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
NO_VALUES: Any = [{"Id": "rate", "Label": "5xx", "StatusCode": "Complete", "Timestamps": [], "Values": []}]
SOME_VALUES: Any = [*NO_VALUES, NO_VALUES[0] | {"Timestamps": [1.0], "Values": [0.001]}]
NOTHING_SAID = Found("Inconclusive", "the result is nothing, and no condition says what that means")


def phase(provider: str, raw: Any, success: str = "", failure: str = "") -> Found:
    metric = PlannedMetric(name="m", provider=provider, block={}, success_condition=success, failure_condition=failure)
    return phase_of(metric, result_of(provider.lower(), raw), conditions.evaluator(NOW))


@pytest.mark.parametrize(
    ("provider", "raw", "success", "failure"),
    [
        ("cloudWatch", NO_VALUES, "all(result[0].Values, {# <= 0.01})", ""),
        ("cloudWatch", NO_VALUES, "all(result[0].Values, {# <= 0.01})", "any(result[0].Values, {# > 0.01})"),
        ("cloudWatch", NO_VALUES, "", "any(result[0].Values, {# > 0.01})"),
        ("cloudWatch", NO_VALUES * 2, "all(result[1].Values, {# <= 0.01})", ""),
        ("cloudWatch", SOME_VALUES, "all(result[1].Values, {# <= 0.01})", ""),
        ("cloudWatch", SOME_VALUES, "all(result, {all(.Values, {# <= 0.01})})", ""),
        ("cloudWatch", SOME_VALUES, "", "any(result, {any(.Values, {# > 0.01})})"),
        ("cloudWatch", [], "all(result, {all(.Values, {# <= 0.01})})", ""),
        ("prometheus", [], "", "count(result, # > 0.05) > 0"),
        ("prometheus", [], "none(result, # > 0.05)", ""),
        ("prometheus", [], "all(result, # < 0.05)", ""),
        ("prometheus", [], "sum(result) == 0", ""),
        ("web", [], "", "any(result, .count > 5)"),
        ("web", [], "", "any(result, .len > 5)"),
        ("web", [], "", 'any(result, .name == "len" || .name == "nil ??")'),
        ("web", {"data": []}, "all(result.data, # < 0.05)", ""),
        ("web", {"data": []}, "all(result.data, {# != [1]})", ""),
        ("web", {"a": {"b": [None, {}]}}, "all(result.a.b, # != 5)", ""),
        ("web", {}, "result.errors != 5", ""),
        ("web", {}, "", ""),
        ("web", None, "true", ""),
    ],
)
def test_nothing_never_passes_by_accident(provider: str, raw: Any, success: str, failure: str) -> None:
    assert phase(provider, raw, success, failure) == NOTHING_SAID


@pytest.mark.parametrize(
    ("provider", "raw", "success", "failure", "expected"),
    [
        ("cloudWatch", NO_VALUES, "len(result[0].Values) == 0 || result[0].Values[0] < 1", "", "Successful"),
        ("cloudWatch", NO_VALUES, "len(result[0].Values) > 0", "", "Failed"),
        ("cloudWatch", SOME_VALUES, "all(result, len(.Values) == 0 || .Values[0] < 1)", "", "Successful"),
        ("cloudWatch", NO_VALUES, "all(result[0].Values, # < 1)", "len(result[0].Values) > 9", "Successful"),
        ("prometheus", [], "result | len() == 0", "", "Successful"),
        ("prometheus", [], "isNil(result) || all(result, # < 1)", "", "Successful"),
        ("prometheus", [], "default(result, 0) != 1", "", "Successful"),
        ("web", {"data": []}, "result.data == []", "", "Successful"),
        ("web", {"data": {}}, "{} == result.data", "", "Successful"),
        ("web", {"data": None}, "", "result.data != nil && result.data > 5", "Successful"),
        ("web", {"data": None}, "(result.data ?? 0) < 1", "", "Successful"),
        ("web", {"data": []}, "any(result.data, # < 1)", "", "Failed"),
    ],
)
def test_a_condition_that_asks_about_nothing_is_argos(
    provider: str, raw: Any, success: str, failure: str, expected: Phase
) -> None:
    assert phase(provider, raw, success, failure).phase == expected


@pytest.mark.parametrize(
    ("provider", "raw", "success"),
    [
        ("cloudWatch", SOME_VALUES[1:], "all(result[0].Values, {# <= 0.01})"),
        ("prometheus", [0.0], "all(result, # < 0.05)"),
        ("web", {"status": "ok", "alerts": []}, 'result.status == "ok"'),
        ("web", {"Label": "healthy", "alerts": []}, 'result.Label == "healthy"'),
        ("web", {"ok": False}, "!result.ok"),
        ("web", {"data": [[], 0]}, "all(result.data, # != 1)"),
        ("web", "", 'result == ""'),
    ],
)
def test_a_result_with_any_value_is_evidence(provider: str, raw: Any, success: str) -> None:
    assert phase(provider, raw, success) == Found("Successful")


def test_nothing_is_found_however_deep_it_nests() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert phase("web", nested) == NOTHING_SAID


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("result[0] < 1", set()),
        ("len(result) > 0 && !isNaN(result[0])", {"len", "isNaN"}),
        ("result | filter(.len > 1) | len() > 0", {"filter", "len"}),
        ('result.count > 1 and result["isNil"] == "default"', set()),
        ("result.len() > 1", set()),
        ("let nothing = result?.a; (nothing ?? 1) == 1", {"??"}),
        ("result.a == nil ? true : [] != result.b", {"nil", "[]"}),
        ("result == {}", {"{}"}),
        ("result in [[], {}]", set()),
        ("1 +", set()),
    ],
)
def test_words_are_calls_and_no_names(condition: str, words: set[str]) -> None:
    assert Expression(condition).words() == words
    if condition != "1 +":
        assert isinstance(compile_expression(condition), Expression)

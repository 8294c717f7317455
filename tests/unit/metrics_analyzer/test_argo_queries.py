"""What a template's provider block is asked as, and how its conditions see the answer."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tidegate_metrics_analyzer.argo import conditions, matching
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.argo.phase import Unevaluable
from tidegate_metrics_analyzer.argo.query import Asking, asking, result_of
from tidegate_metrics_analyzer.providers import prometheus_document
from tidegate_metrics_analyzer.question import Unusable

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def asked(provider: str, **block: Any) -> Asking | Unusable:
    return asking(PlannedMetric(name="m", provider=provider, block=block), NOW)


EMPTY = [{}, {"sigv4": {}}, {"oauth2": {"tokenUrl": "", "scopes": []}, "sigv4": None}]
GIVEN = [{"sigv4": {"region": "eu-west-1"}}, {"oauth2": {"scopes": ["a"]}}]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"timeout": 30},
        {"address": ""},
        {"headers": None},
        {"insecure": False},
        *({"authentication": empty} for empty in EMPTY),
    ],
)
def test_a_query_alone_is_promql(more: dict[str, Any]) -> None:
    assert asked("prometheus", query="up", **more) == Asking("prometheus", "up")


def test_an_address_goes_with_the_query() -> None:
    found = asked("prometheus", query="up", address="http://prometheus:9090")
    assert isinstance(found, Asking)
    assert prometheus_document.read(found.text) == prometheus_document.Asked("up", "http://prometheus:9090")


def test_a_ranges_moments_are_evaluated() -> None:
    times = {"start": 'now() - duration("5m")', "end": "now()", "step": "1m"}
    found = asked("prometheus", query="up", rangeQuery=times)
    assert isinstance(found, Asking)
    read = prometheus_document.read(found.text)
    assert isinstance(read, prometheus_document.Asked)
    assert read.times == {"start": NOW.timestamp() - 300, "end": NOW.timestamp(), "step": 60}


@pytest.mark.parametrize("times", ["5m", {}, {"start": "1", "end": "now()"}, {"start": "now(", "end": "now()"}])
def test_a_range_without_moments_is_refused(times: Any) -> None:
    found = asked("prometheus", query="up", rangeQuery=times)
    assert isinstance(found, Unusable)
    assert found.reason.startswith("rangeQuery")


def test_a_secret_in_promql_is_refused() -> None:
    assert isinstance(asked("prometheus", query="up", headers=[{"value": "${secret:a/b}"}]), Unusable)


def test_any_other_block_is_a_document_under_its_lower_case_name() -> None:
    found = asked("newRelic", query="SELECT 1", timeout=5)
    assert isinstance(found, Asking)
    assert (found.provider, json.loads(found.text)) == ("newrelic", {"query": "SELECT 1", "timeout": 5})


@pytest.mark.parametrize("empty", EMPTY)
def test_an_authentication_that_says_nothing_is_none(empty: Any) -> None:
    assert asked("web", url="http://h/", insecure=False, authentication=empty) == Asking("web", '{"url":"http://h/"}')


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("provider", ["web", "prometheus"])
def test_an_authentication_that_says_something_is_never_left_out(provider: str, given: Any) -> None:
    found = asked(provider, query="up", authentication=given)
    assert isinstance(found, Asking)
    assert json.loads(found.text)["authentication"] == given


def test_numbers_alone_are_known_to_be_numbers() -> None:
    assert result_of("prometheus", [1.0, 2.0]) == (1.0, 2.0)
    assert result_of("web", [1.0, 2.0]) == [1.0, 2.0]
    assert result_of("prometheus", 0.5) == 0.5


@pytest.mark.parametrize(
    ("condition", "result", "value"),
    [
        ("result[0] >= 0.95", (0.99,), True),
        ("result[0] >= 0.95", (0.5,), False),
        ("all(result, # < 5)", (1.0, 2.0), True),
        ("len(result) == 0 || result[0] < 1", (), True),
        ("result.ok == true and result.rate > 0.9", {"ok": True, "rate": 0.95}, True),
        ("default(result, 0) < 0.05", None, True),
        ("isNaN(result) || result < 1", float("nan"), True),
        ("result == 'up'", "up", True),
    ],
)
def test_conditions_are_argos(condition: str, result: Any, value: bool) -> None:
    assert conditions.evaluator(NOW)(condition, result) is value


@pytest.mark.parametrize(
    ("condition", "sane"),
    [
        ("default(result.rate, 0) == 0.5", True),
        ("default(result.gone, 0) == 0", True),
        ("isNil(result.gone)", True),
        ("isNil(result.rate)", False),
        ("isNil(result) || default(result.gone, 1) == 1", True),
    ],
)
def test_without_quirks_what_is_asked_about_is_what_is_given(condition: str, sane: bool) -> None:
    assert conditions.evaluator(NOW)(condition, {"rate": 0.5}) is False
    assert conditions.evaluator(NOW, whole_result_asked=False)(condition, {"rate": 0.5}) is sane


@pytest.mark.parametrize(("condition", "result"), [("result[0] > 1", ()), ("result > 'a'", 1.0), ("result", 1.0)])
def test_a_condition_that_does_not_fit_says_why(condition: str, result: Any) -> None:
    found = conditions.evaluator(NOW)(condition, result)
    assert isinstance(found, Unevaluable)
    assert found.reason


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("latency", "latency-p99", True),
        ("^latency$", "latency-p99", False),
        (".*", "anything", True),
        ("p9[59]", "latency-p95", True),
        ("(", "(", False),
        (r"a\.b", "a.b", True),
        (r"a\.b", "aXb", False),
        ('"', 'say "it"', True),
        ("(a+)+$", "a" * 60 + "!", False),
    ],
)
def test_rules_are_searches(pattern: str, name: str, found: bool) -> None:
    assert matching.matches(pattern, name) is found

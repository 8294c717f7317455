"""What is wrong with a check that compares: each fault by its field, all of them at once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tidegate_contracts import codec
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.validate import validate

NAMESPACE = "shop"
COMPARED = "steps[1].analysis.checks[0]"
COMPARE_FAULTS = [
    ("minimum", 0.0, "minimum"),
    ("maximum", 1.0, "maximum"),
    ("count", 5, "count"),
    ("failure_limit", 3, "failure_limit"),
    ("interval_s", 2.0, "interval_s"),
    ("minimum_samples_query", "x", "minimum_samples_query"),
    ("minimum_samples", 20.0, "minimum_samples"),
    ("query", "x", "query"),
    ("query", 'x{revision="{{stable_revision}}"}', "query"),
    ("compare", {"direction": "increase", "points": 7}, "compare.points"),
    ("compare", {"direction": "increase", "points": 501}, "compare.points"),
    ("compare", {"direction": "increase", "tolerance_percent": -1}, "compare.tolerance_percent"),
    ("compare", {"direction": "increase", "tolerance": -0.1}, "compare.tolerance"),
    ("compare", {"direction": "increase", "confidence_percent": 79}, "compare.confidence_percent"),
    ("compare", {"direction": "increase", "confidence_percent": 100}, "compare.confidence_percent"),
]


def comparing(document: dict[str, Any]) -> dict[str, Any]:
    check: dict[str, Any] = document["steps"][1]["analysis"]["checks"][0]
    return check


def request(change: Callable[[dict[str, Any]], object] = lambda _: None) -> RolloutRequested:
    check = {"name": "errors", "query": 'rate(x{revision="{{revision}}"}[{{window}}])'}
    document: dict[str, Any] = {
        "type": "rollout.requested.v1",
        "workload": {"name": "web"},
        "change": {"images": {"web": "web:v2"}},
        "steps": [
            {"replicas": 1},
            {"replicas": "20%", "analysis": {"checks": [{**check, "compare": {"direction": "increase"}}]}},
            {"replicas": "50%"},
        ],
        "analysis": {"checks": [{**check, "maximum": 0.01}]},
    }
    change(document)
    return codec.decode_request(msgspec.json.encode(document))


def test_a_comparison_needs_no_range() -> None:
    assert validate(request(), NAMESPACE) == ()


@pytest.mark.parametrize(("part", "value", "field"), COMPARE_FAULTS, ids=lambda part: str(part)[:40])
def test_a_broken_rule_of_a_comparison_is_named(part: str, value: Any, field: str) -> None:
    problems = validate(request(lambda document: comparing(document).update({part: value})), NAMESPACE)
    assert {problem.field for problem in problems} - {COMPARED} == {f"{COMPARED}.{field}"}


def test_every_fault_of_a_comparison_is_told_at_once() -> None:
    wrong = {"points": 1, "tolerance_percent": -1, "tolerance": -1, "confidence_percent": 1, "direction": "either"}
    asked = request(lambda document: comparing(document).update({"compare": wrong, "query": "x", "count": 9}))
    fields = [problem.field.removeprefix(f"{COMPARED}.") for problem in validate(asked, NAMESPACE)]
    assert fields[:2] == ["count", "query"]
    assert set(fields[2:]) == {f"compare.{name}" for name in wrong if name != "direction"}


def test_a_comparison_fits_into_the_deadline_and_belongs_to_a_step() -> None:
    def too_long(document: dict[str, Any]) -> None:
        comparing(document)["window_s"] = 200.0
        document["analysis"]["checks"][0] |= {"compare": {"direction": "increase"}}
        del document["analysis"]["checks"][0]["maximum"]

    fields = [problem.field for problem in validate(request(too_long), NAMESPACE)]
    assert sorted(fields) == ["analysis.checks[0].compare", COMPARED]


@pytest.mark.parametrize("compare", [{}, {"direction": "up"}, {"direction": "increase", "size": 3}])
def test_a_comparison_that_is_none_is_not_decoded(compare: dict[str, Any]) -> None:
    with pytest.raises(codec.Malformed, match="compare"):
        request(lambda document: comparing(document).update({"compare": compare}))

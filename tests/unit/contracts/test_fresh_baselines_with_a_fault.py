"""What is wrong with a step that asks for a fresh baseline: each fault by its field."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tidegate_contracts import codec
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.validate import validate

QUERY = 'rate(x{pod=~"{{pods}}",revision="{{revision}}"}[{{window}}])'
FIELD = "steps[0].analysis.baseline"


def request(change: Callable[[dict[str, Any]], object] = lambda _: None) -> RolloutRequested:
    check = {"name": "errors", "query": QUERY, "compare": {"direction": "increase"}}
    document: dict[str, Any] = {
        "type": "rollout.requested.v1",
        "workload": {"name": "web"},
        "change": {"images": {"web": "web:v2"}},
        "traffic": [{"route": "web", "service": "web"}],
        "steps": [
            {
                "replicas": "20%",
                "traffic": {"weight_percent": 20},
                "analysis": {"baseline": "fresh", "checks": [check]},
            },
            {"replicas": "100%"},
        ],
    }
    change(document)
    return codec.decode_request(msgspec.json.encode(document))


def analysis(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["steps"][0]["analysis"]
    return found


def test_a_fresh_baseline_may_be_asked_for() -> None:
    assert validate(request(), "shop") == ()
    assert validate(request(lambda it: it.update(strategy="canary")), "shop") == ()
    assert validate(request(lambda it: it["workload"].update(name="w" * 39)), "shop") == ()


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (lambda it: it["workload"].update(kind="StatefulSet"), [FIELD]),
        (lambda it: it["workload"].update(kind="Deployment", api_version="example.com/v1"), [FIELD]),
        (lambda it: it["workload"].update(name="w" * 40), [FIELD]),
        (lambda it: it["steps"][0]["traffic"].update(weight_percent=100), [FIELD]),
        (lambda it: it.update(steps=[{"replicas": "100%", "analysis": analysis(it)}]), [FIELD]),
        (
            lambda it: analysis(it)["checks"][0].update(query='x{revision="{{revision}}"}'),
            ["steps[0].analysis.checks[0].query"],
        ),
        (
            lambda it: analysis(it).update(
                checks=[{"name": "a", "metric": "ready", "compare": {"direction": "decrease"}}]
            ),
            ["steps[0].analysis.checks[0].query"],
        ),
        (lambda it: analysis(it).update(checks=[{"name": "a", "query": "x", "maximum": 1}]), [FIELD]),
        (lambda it: analysis(it).update(baseline="stable"), ["steps[0].analysis.checks[0].query"]),
        (
            lambda it: analysis(it)["checks"].append({"name": "a", "query": QUERY, "maximum": 1}),
            ["steps[0].analysis.checks[1].query"],
        ),
        (
            lambda it: it.update(analysis={"baseline": "fresh", "checks": [{"name": "a", "query": "x", "maximum": 1}]}),
            ["analysis.baseline"],
        ),
    ],
)
def test_what_no_baseline_could_be_had_for_is_refused(
    change: Callable[[dict[str, Any]], object], fields: list[str]
) -> None:
    assert [problem.field for problem in validate(request(change), "shop")] == fields


def test_the_share_of_the_step_before_counts() -> None:
    def later(document: dict[str, Any]) -> None:
        step = document["steps"][0]
        first = {"replicas": "10%", "traffic": {"weight_percent": 100}}
        document.update(strategy="blue_green", steps=[first, {**step, "traffic": None}])

    assert [problem.field for problem in validate(request(later), "shop")] == ["steps[1].analysis.baseline"]

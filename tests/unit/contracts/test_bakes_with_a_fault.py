"""What is wrong with a bake, and with checks that could not pass in its time: each fault by its field."""

from typing import Any

import msgspec
import pytest

from tidegate_contracts import codec
from tidegate_contracts.validate import validate

CHECK: dict[str, Any] = {"name": "errors", "query": "errors", "maximum": 0.01}


def fields(bake: dict[str, Any]) -> list[str]:
    document = {"workload": {"name": "web"}, "steps": [{"replicas": "100%"}], "bake": bake}
    request = codec.decode_request(msgspec.json.encode({"type": "rollout.requested.v1", **document}))
    return [problem.field for problem in validate(request, "shop")]


@pytest.mark.parametrize(
    "bake",
    [
        {"duration_s": 1},
        {"duration_s": 30 * 86_400, "analysis": {"checks": [CHECK | {"dry_run": True}], "pod_health": {}}},
        {"duration_s": 60, "analysis": {"checks": [CHECK | {"interval_s": 30, "count": 3}]}},
        {"duration_s": 60, "analysis": {"templates": [{"name": "rate"}], "on_inconclusive": "roll_back"}},
    ],
)
def test_a_bake_may_be_asked_for(bake: dict[str, Any]) -> None:
    assert fields(bake) == []


@pytest.mark.parametrize(
    ("bake", "field"),
    [
        ({"duration_s": 0.5}, "duration_s"),
        ({"duration_s": 31 * 86_400}, "duration_s"),
        ({"duration_s": 60, "analysis": {}}, "analysis"),
        ({"duration_s": 60, "analysis": {"pod_health": {}, "extend_once": True}}, "analysis.extend_once"),
        ({"duration_s": 60, "analysis": {"pod_health": {}, "answer_within_s": 5}}, "analysis.answer_within_s"),
        ({"duration_s": 60, "analysis": {"checks": [CHECK | {"interval_s": 31}]}}, "analysis.checks[0]"),
        (
            {
                "duration_s": 9000,
                "analysis": {
                    "checks": [{"name": "a", "query": "x{{revision}}", "compare": {"direction": "increase"}}],
                },
            },
            "analysis.checks[0].compare",
        ),
        (
            {"duration_s": 60, "analysis": {"pod_health": {}, "verdicts": [{"name": "tests", "within_s": 61}]}},
            "analysis.verdicts[0].within_s",
        ),
        ({"duration_s": 60, "analysis": {"pod_health": {}, "baseline": "fresh"}}, "analysis.baseline"),
        (
            {"duration_s": 60, "analysis": {"checks": [CHECK | {"query": 'x{pod=~"{{pods}}"}'}]}},
            "analysis.checks[0].query",
        ),
    ],
)
def test_a_fault_is_told_by_its_field(bake: dict[str, Any], field: str) -> None:
    assert fields(bake) == [f"bake.{field}"]

"""What is wrong with an analysis that names templates: each fault by its field, as far as it shows unread."""

from typing import Any

import msgspec
import pytest

from tidegate_contracts import codec
from tidegate_contracts.faults import Malformed
from tidegate_contracts.problem import Problem
from tidegate_contracts.validate import validate

NAMED: dict[str, Any] = {"templates": [{"name": "success-rate"}, {"name": "latency.eu", "cluster_scope": True}]}


def arguments(*given: dict[str, Any]) -> dict[str, Any]:
    return NAMED | {"arguments": list(given)}


def problems(analysis: dict[str, Any]) -> tuple[Problem, ...]:
    document = {
        "type": "rollout.requested.v1",
        "workload": {"name": "web"},
        "change": {"images": {"web": "web:v2"}},
        "steps": [{"replicas": "20%", "analysis": analysis}],
    }
    return validate(codec.decode_request(msgspec.json.encode(document)), "shop")


@pytest.mark.parametrize(
    "analysis",
    [
        NAMED,
        arguments({"name": "a", "value": ""}, {"name": "b_c.d-e", "value": "two\nlines"}),
        arguments({"name": "a", "pod_template_hash": "stable"}, {"name": "b", "field_path": "metadata.name"}),
        NAMED | {"dry_run": ["latency", "^p9[59]$"], "quirks": "none"},
        NAMED | {"checks": [{"name": "errors", "query": "x", "maximum": 1}], "pod_health": {}},
    ],
)
def test_templates_may_be_named(analysis: dict[str, Any]) -> None:
    assert problems(analysis) == ()


@pytest.mark.parametrize(
    ("analysis", "field"),
    [
        ({"pod_health": {}, "arguments": [{"name": "a", "value": "b"}]}, "arguments"),
        ({"pod_health": {}, "dry_run": ["latency"]}, "dry_run"),
        ({"templates": [{"name": "Success"}]}, "templates[0].name"),
        ({"templates": [{"name": "a"}] * 2}, "templates[1]"),
        ({"templates": [{"name": f"t{n}"} for n in range(21)]}, "templates"),
        (arguments({"name": "a b", "value": ""}), "arguments[0].name"),
        (arguments({"name": "a"}), "arguments[0]"),
        (arguments({"name": "a", "value": "", "field_path": "x"}), "arguments[0]"),
        (arguments({"name": "a", "value": "\x00"}), "arguments[0].value"),
        (arguments({"name": "a", "value": "x" * 4097}), "arguments[0].value"),
        (arguments(*[{"name": "a", "value": "b"}] * 2), "arguments[1].name"),
        (arguments(*({"name": f"a{n}", "value": ""} for n in range(33))), "arguments"),
        (NAMED | {"dry_run": [""]}, "dry_run[0]"),
        (NAMED | {"dry_run": ["a", "a"]}, "dry_run[1]"),
        (NAMED | {"dry_run": [f"a{n}" for n in range(21)]}, "dry_run"),
    ],
    ids=lambda part: str(part)[-40:],
)
def test_a_broken_rule_is_named(analysis: dict[str, Any], field: str) -> None:
    found = problems(analysis)
    assert [each.field for each in found] == [f"steps[0].analysis.{field}"]
    assert all(each.rule and each.remedy for each in found)


@pytest.mark.parametrize("word", ["quirks", "pod_template_hash"])
def test_a_word_that_is_none_is_refused_by_the_decoder(word: str) -> None:
    wrong = NAMED | {"quirks": "some"} if word == "quirks" else arguments({"name": "a", word: "old"})
    with pytest.raises(Malformed, match=word):
        problems(wrong)

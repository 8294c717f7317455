"""The hashes that Kruise's users see, compared with those that Go itself made (tools/kruise-identity)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidegate_rollout_operator.go_dump import dumped
from tidegate_rollout_operator.go_quantity import UndumpableError, quantity
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.plan_hash import plan_hash
from tidegate_rollout_operator.template_hash import TYPES, template_hash

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((GOLDEN / f"{name}.json").read_text())
    return found


def test_templates_have_the_hashes_that_kruises_own_function_made() -> None:
    vectors = golden("template_dumps")
    assert [dumped(TYPES, each["template"]) for each in vectors] == [each["dump"] for each in vectors]
    assert [template_hash(each["template"]) for each in vectors] == [each["hash"] for each in vectors]


def test_templates_of_every_type_have_the_hashes_that_go_made() -> None:
    vectors = golden("template_hashes")
    assert len(vectors) > 200
    differing = [number for number, each in enumerate(vectors) if template_hash(each["template"]) != each["hash"]]
    assert differing == []


def test_plans_have_the_hashes_that_go_made() -> None:
    vectors = golden("plan_hashes")
    made = [plan_hash(of_block(each["block"], blue_green=each["blueGreen"])) for each in vectors]
    assert made == [each["hash"] for each in vectors]


def test_a_plan_is_the_same_with_other_pauses_and_another_threshold() -> None:
    plain = of_block({"steps": [{"replicas": 1}]})
    live = of_block({"steps": [{"replicas": 1, "pause": {"duration": 5}}], "failureThreshold": 2})
    assert plan_hash(plain) == plan_hash(live)
    assert plan_hash(plain) != plan_hash(of_block({"steps": [{"replicas": 2}]}))


def test_a_rollout_without_a_plan_has_no_hash() -> None:
    assert plan_hash(Rollout()) == ""


@pytest.mark.parametrize("written", ["1.5Gi", "1234567890123456789", "0.1n", "x", "", "1Zi", "9Ei", "1e"])
def test_a_quantity_that_is_kept_otherwise_is_not_guessed(written: str) -> None:
    with pytest.raises(UndumpableError):
        quantity(written)


@pytest.mark.parametrize(
    "template",
    [
        {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}},
        {"spec": []},
        {"spec": {"hostNetwork": 1}},
        {"spec": {"priority": True}},
        {"spec": {"containers": {}}},
        {"metadata": {"managedFields": [{"fieldsV1": {"a": 1}}]}},
    ],
)
def test_a_template_that_no_api_server_holds_is_not_guessed(template: dict[str, Any]) -> None:
    with pytest.raises(UndumpableError):
        template_hash(template)


def of_block(block: dict[str, Any], *, blue_green: bool = False) -> Rollout:
    return msgspec.convert({"spec": {"strategy": {"blueGreen" if blue_green else "canary": block}}}, Rollout)

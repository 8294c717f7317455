"""The generated documents are the messages: no drift, every reference leads somewhere, every sample fits its schema."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tidegate_contracts import schema, subjects
from tidegate_contracts.asyncapi import asyncapi
from tidegate_contracts.codec import tag_of
from tidegate_contracts.registry import CLASSES, MESSAGES, Kind
from tidegate_contracts.workload import WorkloadKey

SAMPLES = Path(__file__).parents[3] / "contracts" / "samples"


def load(name: str) -> dict[str, Any]:
    document = json.loads((schema.DIRECTORY / name).read_text())
    assert isinstance(document, dict)
    return document


def test_the_committed_documents_are_as_the_messages_are() -> None:
    assert schema.drift(schema.DIRECTORY) == [], "run `make schemas`"


def test_drift_is_found_in_both_directions(tmp_path: Path) -> None:
    schema.write(tmp_path)
    assert schema.drift(tmp_path) == []
    (tmp_path / "timer.due.v1.json").write_text("{}")
    (tmp_path / "nobody.knows.v1.json").write_text("{}")
    assert schema.drift(tmp_path) == ["nobody.knows.v1.json", "timer.due.v1.json"]
    assert schema.main(["check", str(tmp_path)]) == 1
    assert schema.main(["write", str(tmp_path)]) == 0
    assert schema.main(["check", str(tmp_path)]) == 0
    assert schema.main(["paint"]) == 2


@pytest.mark.parametrize("kind", MESSAGES, ids=tag_of)
def test_each_schema_is_a_schema_and_its_sample_fits(kind: Kind) -> None:
    document = load(f"{tag_of(kind)}.json")
    Draft202012Validator.check_schema(document)
    for sample in SAMPLES.glob(f"{tag_of(kind)}*.json"):
        Draft202012Validator(document).validate(json.loads(sample.read_text()))


def test_a_request_with_a_misspelt_field_does_not_fit_its_schema() -> None:
    request = json.loads((SAMPLES / "rollout.requested.v1.json").read_text())
    request["steps"][0]["pauses"] = {}
    with pytest.raises(ValidationError, match="pauses"):
        Draft202012Validator(load("rollout.requested.v1.json")).validate(request)


def test_a_newer_versions_field_in_an_event_fits_its_schema() -> None:
    event = json.loads((SAMPLES / "rollout.accepted.v1.json").read_text())
    event["request"]["priority"] = 7
    Draft202012Validator(load("rollout.accepted.v1.json")).validate(event)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), reference
    for part in reference[2:].split("/"):
        document = document[part]
    return document


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = load(schema.ASYNCAPI_FILE)
    found = set(references(document))
    assert len(found) > len(MESSAGES)
    for reference in found:
        assert isinstance(resolve(document, reference), dict)


def test_the_asyncapi_document_is_built_as_version_3_asks() -> None:
    document = load(schema.ASYNCAPI_FILE)
    assert re.fullmatch(r"3\.\d+\.\d+", document["asyncapi"])
    assert {"title", "version"} <= document["info"].keys()
    assert set(document) <= {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
    for name, channel in document["channels"].items():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"]), name
    for name, operation in document["operations"].items():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"] == {"$ref": f"#/channels/{name}"}
    for parameter in document["components"]["parameters"].values():
        assert set(parameter) <= {"enum", "default", "description", "examples", "location"}
    for message in document["components"]["messages"].values():
        Draft202012Validator.check_schema(resolve(document, message["payload"]["$ref"]))


def test_each_message_is_on_exactly_one_channel() -> None:
    channels = asyncapi()["channels"]
    listed = [tag for channel in channels.values() for tag in channel["messages"]]
    assert sorted(listed) == sorted(tag_of(kind) for kind in MESSAGES)


def test_the_addresses_are_those_that_the_code_makes() -> None:
    key = WorkloadKey("default", "shop", "deployment.apps", "web")
    made = {
        "requests": subjects.requests("default", "shop"),
        "controls": subjects.controls("default", "shop", "r-1"),
        "guards": subjects.guard(key),
        "verdicts": subjects.verdict("default", "shop", "r-1", "acceptance-tests"),
        "alerts": subjects.alerts("default", "shop"),
        "events": subjects.event(key, "r-1", "traffic-shifter", "traffic.shifted.v1"),
        "orders": subjects.order("traffic-shifter", key),
        "timers": subjects.timer(key),
        "telemetry": subjects.telemetry(key, "r-1", "traffic-shifter"),
        "dead": subjects.dead("orchestrator"),
    }
    assert made.keys() == CLASSES.keys()
    for name, subject in made.items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^.]+", re.escape(asyncapi()["channels"][name]["address"]))
        assert re.fullmatch(pattern, subject), (name, subject)

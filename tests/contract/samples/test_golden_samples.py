"""What was once published decodes for ever: samples are added, never edited, and every message has one."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidegate_contracts import codec
from tidegate_contracts.codec import tag_of
from tidegate_contracts.registry import CLASSES, MESSAGES
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.validate import validate

SAMPLES = Path(__file__).parents[3] / "contracts" / "samples"
DIGESTS = SAMPLES / "SHA256SUMS"
FILES = sorted(SAMPLES.glob("*.json"))
DECODERS: dict[str, Any] = {
    "requests": codec.decode_request,
    "controls": codec.decode_control,
    "guards": codec.decode_guard,
    "verdicts": codec.decode_verdict,
    "alerts": codec.alert_decoder.decode,
    "events": codec.event_decoder.decode,
    "orders": codec.order_decoder.decode,
    "timers": codec.timer_decoder.decode,
    "telemetry": codec.telemetry_decoder.decode,
    "dead": codec.dead_decoder.decode,
}


def decode(payload: bytes) -> msgspec.Struct:
    tag = json.loads(payload)["type"]
    name = next(name for name, kinds in CLASSES.items() if tag in map(tag_of, kinds))
    message = DECODERS[name](payload)
    assert isinstance(message, msgspec.Struct)
    return message


def test_every_message_has_a_sample() -> None:
    sampled = {json.loads(file.read_text())["type"] for file in FILES}
    assert sampled == {tag_of(kind) for kind in MESSAGES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sample_decodes_and_keeps_all_that_it_says(file: Path) -> None:
    message = decode(file.read_bytes())
    again = decode(codec.encode(message))
    assert again == message
    assert contains(json.loads(codec.encode(message)), json.loads(file.read_text()))


def contains(kept: Any, said: Any) -> bool:
    if isinstance(said, dict):
        return isinstance(kept, dict) and all(contains(kept.get(name), value) for name, value in said.items())
    if isinstance(said, list):
        pairs = zip(kept, said, strict=True)
        return isinstance(kept, list) and all(contains(one, other) for one, other in pairs)
    return bool(kept == said)


def test_a_sample_was_never_edited() -> None:
    lines = [line.split() for line in DIGESTS.read_text().splitlines()]
    listed = {name: digest for digest, name in lines}
    assert {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in FILES} == listed, (
        "a sample is only ever added, with its line: cd contracts/samples && sha256sum NEW.json >> SHA256SUMS"
    )


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("rollout.requested.*.json")), ids=lambda file: file.stem)
def test_the_sampled_requests_are_valid(file: Path) -> None:
    request = decode(file.read_bytes())
    assert isinstance(request, RolloutRequested)
    assert validate(request, "shop") == ()


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if not any(name in file.stem for name in ("requested", "control", "guard", "verdict"))],
)
def test_a_newer_versions_fields_are_ignored_where_messages_are_open(file: Path) -> None:
    said = json.loads(file.read_text())
    newer = json.dumps(with_more(said)).encode()
    assert decode(newer) == decode(file.read_bytes())


FREE_MAPS = {
    "images",
    "headers",
    "headers_regex",
    "query",
    "query_regex",
    "set",
    "add",
    "template_patch",
    "labels",
    "annotations",
    "pod_labels",
    "figures",
    "weights",
}


def with_more(node: Any) -> Any:
    """The same with a field in every object that no version knows yet, but in maps whose names are the user's."""
    if isinstance(node, dict):
        more = {
            name: value if name in FREE_MAPS and isinstance(value, dict) else with_more(value)
            for name, value in node.items()
        }
        return {**more, "of_a_newer_version": {"a": 1}}
    return [with_more(child) for child in node] if isinstance(node, list) else node

"""Whatever bytes come in, the answer is a message, `Malformed` or problems: never another exception."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_contracts import codec, limits
from tidegate_contracts.codec import Malformed
from tidegate_contracts.plan import plan
from tidegate_contracts.problem import printable
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.validate import validate, validate_control

REQUEST: dict[str, Any] = {"type": "rollout.requested.v1", "workload": {"name": "web"}, "steps": [{"replicas": 1}]}
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
)
fields = st.sampled_from(
    [
        "workload",
        "steps",
        "rollout",
        "change",
        "strategy",
        "traffic",
        "analysis",
        "on_failure",
        "deadlines",
        "requested_by",
        "x",
    ]
)


def check_said(error: Malformed) -> None:
    assert str(error).isprintable()
    assert error.problem.rule


def receive(payload: bytes) -> None:
    """As the orchestrator takes a request in."""
    try:
        request = codec.decode_request(payload)
    except Malformed as error:
        check_said(error)
        return
    problems = validate(request, "default")
    for problem in problems:
        assert str(problem).isprintable()
        assert len(problem.value) <= limits.REASON_LENGTH_MAX
    if not problems:
        assert plan(request)[-1].target.percent == 100


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(payload: bytes) -> None:
    receive(payload)
    try:
        codec.decode_control(payload)
    except Malformed:
        return


@given(documents)
def test_any_json_is_answered(document: Any) -> None:
    receive(json.dumps(document).encode())


@settings(max_examples=300)
@given(st.dictionaries(fields, documents, max_size=4))
def test_a_request_with_anything_in_its_fields_is_answered(parts: dict[str, Any]) -> None:
    receive(json.dumps({**REQUEST, **parts}).encode())


@settings(max_examples=300)
@given(st.lists(st.fixed_dictionaries({"replicas": st.one_of(st.integers(-5, 200), st.text(max_size=5))}), max_size=60))
def test_any_steps_are_answered(steps: list[dict[str, Any]]) -> None:
    receive(json.dumps({**REQUEST, "steps": steps}).encode())


@given(st.dictionaries(st.sampled_from(["by", "reason", "step", "type", "x"]), documents, max_size=4))
def test_any_control_is_answered(parts: dict[str, Any]) -> None:
    try:
        control = codec.decode_control(json.dumps({"type": "control.jump.v1", "step": 1, **parts}).encode())
    except Malformed as error:
        check_said(error)
        return
    for problem in validate_control(control, "shop"):
        assert str(problem).isprintable()


NESTED = b'{"a":' * 5000 + b"1" + b"}" * 5000


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b"{" * 60_000, id="open-braces"),
        pytest.param(b"[" * 60_000, id="open-brackets"),
        pytest.param(
            b'{"type":"rollout.requested.v1","change":{"template_patch":' + NESTED + b"}}", id="too-deep-to-read"
        ),
        pytest.param(
            json.dumps(
                {**REQUEST, "change": {"template_patch": json.loads(b'{"a":' * 300 + b"1" + b"}" * 300)}}
            ).encode(),
            id="deep",
        ),
        pytest.param(json.dumps({**REQUEST, "type": "rollout.requested.v9"}).encode(), id="unknown-version"),
        pytest.param(json.dumps({**REQUEST, "type": 7}).encode(), id="type-is-a-number"),
        pytest.param(json.dumps({**REQUEST, "steps": [{"replicas": 1}] * 10_000}).encode(), id="ten-thousand-steps"),
        pytest.param(b'{"steps":[{"replicas":1' + b"0" * 5000 + b"}]}", id="a-number-of-5000-digits"),
        pytest.param(b'{"steps":[{"replicas":1e999}]}', id="a-number-beyond-floats"),
        pytest.param(b'{"workload":{"name":"\\ud800"}}', id="half-a-surrogate"),
        pytest.param(b'{"workload":{"name":NaN}}', id="not-a-number"),
        pytest.param(b" " * 70_000, id="oversized"),
        pytest.param(json.dumps({**REQUEST, "pauses": {}}).encode(), id="unknown-field"),
    ],
)
def test_a_hostile_request_is_malformed_and_says_why(payload: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        codec.decode_request(payload)
    problem = raised.value.problem
    assert problem.field
    assert problem.rule
    assert problem.remedy
    assert len(str(problem)) < 2000


@pytest.mark.parametrize(
    ("document", "field", "value", "remedy"),
    [
        ({**REQUEST, "steps": [{"replicas": 1, "pauses": {}}]}, "steps[0].pauses", "{}", "Did you mean 'pause'?"),
        ({**REQUEST, "workload": {"nam": "web"}}, "workload.name", "", "Add it."),
        (
            {**REQUEST, "workload": {"name": "web", "namespac": "x"}},
            "workload.namespac",
            "x",
            "Did you mean 'namespace'?",
        ),
        ({**REQUEST, "steps": [{"replicas": True}]}, "steps[0].replicas", "True", ""),
        ({**REQUEST, "on_failure": "explode"}, "on_failure", "explode", ""),
        ({"type": "rollout.requested.v1", "steps": []}, "workload", "", "Add it."),
    ],
    ids=lambda part: str(part)[:30],
)
def test_a_malformed_request_names_field_value_and_remedy(
    document: dict[str, Any], field: str, value: str, remedy: str
) -> None:
    with pytest.raises(Malformed) as raised:
        codec.decode_request(json.dumps(document).encode())
    problem = raised.value.problem
    assert (problem.field, problem.value) == (field, value)
    assert remedy in problem.remedy


def test_names_that_the_user_chooses_are_no_unknown_fields() -> None:
    change = {"images": {"web": "v2"}, "template_patch": {"metadata": {"annotations": {"a": "b"}}}}
    match = {"headers": {"x-any": "1"}, "query": {"q": "2"}}
    steps = [{"replicas": 1, "traffic": {"matches": [match]}}]
    request = codec.decode_request(json.dumps({**REQUEST, "change": change, "steps": steps}).encode())
    assert request.change is not None
    assert request.change.images == {"web": "v2"}
    assert request.steps[0].traffic is not None


def test_a_request_without_its_type_is_version_one() -> None:
    document = {name: value for name, value in REQUEST.items() if name != "type"}
    assert isinstance(codec.decode_request(json.dumps(document).encode()), RolloutRequested)


@given(st.text())
def test_what_is_printed_can_forge_no_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= limits.REASON_LENGTH_MAX


@given(documents)
def test_an_event_of_nobodys_making_is_a_decode_error(document: Any) -> None:
    with pytest.raises(msgspec.DecodeError):
        codec.event_decoder.decode(
            json.dumps({"type": "rollout.nobody.v1", "x": document}, allow_nan=False).encode()
            if _finite(document)
            else b"{"
        )


def _finite(document: Any) -> bool:
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True

"""Prometheus' answers as Argo's conditions see them: numbers and lists of numbers, and what an Argo block may ask."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_metrics_analyzer import durations
from tidegate_metrics_analyzer.providers import prometheus_document
from tidegate_metrics_analyzer.providers.prometheus_document import Asked
from tidegate_metrics_analyzer.providers.reply import decode_value
from tidegate_metrics_analyzer.question import Unusable, Value


def body(result: object, kind: str, **more: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


@pytest.mark.parametrize(
    ("answer", "raw"),
    [
        (body([1, "0.5"], "scalar"), 0.5),
        (body([], "vector"), []),
        (body([{"metric": {}, "value": [1, "0.5"]}], "vector"), [0.5]),
        (body([{"metric": {"a": "b"}, "value": [1, "2"]}, {"metric": {}, "value": [1, "+Inf"]}], "vector"), [2, 1e999]),
        (
            body([{"metric": {}, "values": [[1, "1"], [2, "2"]]}, {"metric": {}, "values": [[1, "3"]]}], "matrix"),
            [1, 2, 3],
        ),
    ],
)
def test_a_result_is_what_argo_gives(answer: bytes, raw: object) -> None:
    assert decode_value(200, answer) == Value(raw=raw)


def test_a_warning_is_kept_beside_the_value() -> None:
    assert decode_value(200, body([1, "1"], "scalar", warnings=["a", "b"])) == Value(
        raw=1.0, metadata={"warnings": "a, b"}
    )


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (body([1, "text"], "string"), 200),
        (body([1, "1"], "scalar"), 500),
        (body([1, "one"], "scalar"), 200),
        (b'{"status":"error","errorType":"bad_data"}', 400),
    ],
)
def test_what_argo_calls_an_error_is_no_value(answer: bytes, status: int) -> None:
    assert isinstance(decode_value(status, answer), Unusable)


@given(st.binary(max_size=200), st.sampled_from([200, 400]))
def test_no_bytes_are_an_exception(answer: bytes, status: int) -> None:
    assert isinstance(decode_value(status, answer), Value | Unusable)


@pytest.mark.parametrize("query", ["up", '{__name__="up"}', '{"up"}', "1", '"text"', "[1]", "[" * 100_000])
def test_text_that_is_no_object_is_promql(query: str) -> None:
    assert prometheus_document.read(query) == Asked(query)


def test_a_block_with_a_range_is_read() -> None:
    text = json.dumps({"query": "up", "address": "http://p:9090", "rangeQuery": {"start": 0, "end": 60, "step": "10s"}})
    assert prometheus_document.read(text) == Asked("up", "http://p:9090", {"start": 0, "end": 60, "step": 10})


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"query": 1},
        {"query": "up", "insecure": True},
        {"query": "up", "rangeQuery": {"start": 60, "end": 0, "step": "10s"}},
        {"query": "up", "rangeQuery": {"start": 0, "end": 1e9, "step": "1s"}},
        {"query": "up", "rangeQuery": {"start": 0, "end": 60, "step": "soon"}},
        {"query": "up", "rangeQuery": {"start": "now", "end": 60, "step": "1s"}},
    ],
)
def test_a_block_that_cannot_be_asked_is_refused_with_its_reason(block: object) -> None:
    found = prometheus_document.read(json.dumps(block))
    assert isinstance(found, Unusable)
    assert found.reason.startswith("the prometheus block is refused: ")


@pytest.mark.parametrize(
    ("text", "time_s"), [("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("1.5s", 1.5), ("1y", 31_536_000)]
)
def test_a_duration_is_read(text: str, time_s: float) -> None:
    assert durations.seconds(text) == time_s


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "0s", "5 m", "2y", "5m!", "\u0665m", "9" * 400 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        durations.seconds(text)

"""Whatever bytes a server sends for a range, they become points or a reason; nothing is raised and nothing invented."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_metrics_analyzer.providers.reply import decode_range
from tidegate_metrics_analyzer.question import Point, RangeAnswer, Series, Unusable


def body(result: object, kind: str = "matrix", **more: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def test_a_matrix_is_read() -> None:
    found = decode_range(200, body([{"metric": {"a": "b"}, "values": [[1.001, "2.5"], [3, "NaN"]]}]))
    assert isinstance(found, RangeAnswer)
    (series,) = found.series
    assert series.labels == {"a": "b"}
    assert series.points[0] == Point(1001, 2.5)
    assert series.points[1].at_ms == 3000
    assert series.points[1].value != series.points[1].value  # NaN


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (body([{"metric": {}, "value": [1, "1"]}], "vector"), 200),
        (body([{"metric": {}, "values": [[1, "1_000"]]}]), 200),
        (body([{"metric": {}, "values": [[1, "0x1"]]}]), 200),
        (body([{"metric": {}, "values": [[1, 1]]}]), 200),
        (body([{"metric": {}, "values": [["1", "1"]]}]), 200),
        (body([{"metric": {}, "values": [[1]]}]), 200),
        (body([{"metric": {}, "values": [[1e308, "1"]]}]), 200),
        (body([], warnings=["partial"]), 200),
        (body([]), 503),
        (b'{"status":"error","errorType":"timeout"}', 503),
        (b"", 200),
        (b"[" * 100_000, 200),
    ],
)
def test_what_prometheus_does_not_send_is_no_answer(answer: bytes, status: int) -> None:
    assert isinstance(decode_range(status, answer), Unusable)


trees = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["metric", "values", "x"]), inner),
    max_leaves=20,
)


@given(st.one_of(st.binary(max_size=200), trees.map(body)), st.sampled_from([200, 400, 500]))
def test_no_bytes_are_an_exception(answer: bytes, status: int) -> None:
    found = decode_range(status, answer)
    assert isinstance(found, RangeAnswer | Unusable)
    if isinstance(found, RangeAnswer):
        assert all(isinstance(series, Series) for series in found.series)

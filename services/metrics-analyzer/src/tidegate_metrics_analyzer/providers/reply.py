"""What a Prometheus server's bytes mean. Pure, strict, and total: any bytes become an answer or a reason.

Called by `prometheus`. The server's own error texts are not passed on to requesters, only their closed kinds.
"""

import re
from collections.abc import Callable
from typing import Final, Literal, TypeVar

import msgspec

from tidegate_metrics_analyzer.question import (
    Answer,
    Point,
    RangeAnswer,
    Raw,
    Sample,
    Series,
    Unanswered,
    Unusable,
    Value,
)

ERROR_KINDS: Final = frozenset(
    {"timeout", "canceled", "execution", "bad_data", "internal", "unavailable", "not_found", "not_acceptable"}
)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)|NaN", re.ASCII)

_Value = tuple[float, str]
_MILLISECONDS: Final = 1000


class _Series(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: _Value


class _Row(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    values: tuple[_Value, ...]


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    status: Literal["success", "error"]
    data: _Data | None = None
    error_type: str = ""
    warnings: tuple[str, ...] = ()


_Read = TypeVar("_Read", Answer, RangeAnswer, Value)

_REPLY: Final = msgspec.json.Decoder(_Reply)
_VECTOR: Final = msgspec.json.Decoder(list[_Series])
_MATRIX: Final = msgspec.json.Decoder(list[_Row])
_SCALAR: Final = msgspec.json.Decoder(_Value)


def decode(status: int, body: bytes) -> Answer | Unusable:
    """The answer to one instant query."""
    return _decoded(status, body, _samples)


def decode_range(status: int, body: bytes) -> RangeAnswer | Unusable:
    """The answer to one range query."""
    return _decoded(status, body, _series)


def decode_value(status: int, body: bytes) -> Value | Unusable:
    """The answer to any query as Argo gives it: a number, or the list of all numbers of all series."""
    value = _decoded(status, body, _value, warned=True)
    if isinstance(value, Unusable):
        return value
    warnings = _REPLY.decode(body).warnings
    return Value(raw=value.raw, metadata={"warnings": ", ".join(warnings)} if warnings else {})


def _decoded(
    status: int, body: bytes, read: Callable[[_Data], _Read | Unusable], *, warned: bool = False
) -> _Read | Unusable:
    try:
        reply = _REPLY.decode(body)
        if reply.status == "error":
            kind = reply.error_type if reply.error_type in ERROR_KINDS else "unknown"
            return Unanswered(f"Prometheus refused the query: {kind} (HTTP {status})")
        if status != 200 or reply.data is None:  # noqa: PLR2004 - the only status that carries data
            return Unanswered(f"Prometheus answered without data (HTTP {status})")
        if reply.warnings and not warned:
            return Unusable("Prometheus warns that its answer may be incomplete")
        return read(reply.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return Unanswered(f"the answer is not what Prometheus sends (HTTP {status})")


def _samples(data: _Data) -> Answer | Unusable:
    if data.result_type == "scalar":
        series = [_Series({}, _SCALAR.decode(data.result))]
    elif data.result_type == "vector":
        series = _VECTOR.decode(data.result)
    else:
        return Unusable("the query's result is no instant vector and no scalar")
    if not all(_NUMBER.fullmatch(one.value[1]) for one in series):
        return Unusable("a value is not a number")
    return Answer(
        samples=tuple(Sample(value=float(one.value[1]), at_s=one.value[0], labels=one.metric) for one in series)
    )


def _series(data: _Data) -> RangeAnswer | Unusable:
    if data.result_type != "matrix":
        return Unusable("the query's result is no series over time")
    rows = _MATRIX.decode(data.result)
    if not all(_NUMBER.fullmatch(value) for row in rows for _, value in row.values):
        return Unusable("a value is not a number")
    return RangeAnswer(
        series=tuple(
            Series(
                points=tuple(Point(round(at_s * _MILLISECONDS), float(value)) for at_s, value in row.values),
                labels=row.metric,
            )
            for row in rows
        )
    )


def _value(data: _Data) -> Value | Unusable:
    if data.result_type == "matrix":
        series = _series(data)
        return (
            series
            if isinstance(series, Unusable)
            else Value(raw=[point.value for one in series.series for point in one.points])
        )
    answer = _samples(data)
    if isinstance(answer, Unusable):
        return answer
    values: list[Raw] = [sample.value for sample in answer.samples]
    return Value(raw=values[0] if data.result_type == "scalar" else values)

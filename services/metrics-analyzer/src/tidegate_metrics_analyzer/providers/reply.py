"""What a Prometheus server's bytes mean. Pure, strict, and total: any bytes become an answer or a reason.

Called by `prometheus`. The server's own error texts are not passed on to requesters, only their closed kinds.
"""

import re
from typing import Final, Literal

import msgspec

from tidegate_metrics_analyzer.question import Answer, Sample, Unusable

ERROR_KINDS: Final = frozenset(
    {"timeout", "canceled", "execution", "bad_data", "internal", "unavailable", "not_found", "not_acceptable"}
)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)|NaN", re.ASCII)

_Value = tuple[float, str]


class _Series(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: _Value


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    status: Literal["success", "error"]
    data: _Data | None = None
    error_type: str = ""
    warnings: tuple[str, ...] = ()


_REPLY: Final = msgspec.json.Decoder(_Reply)
_VECTOR: Final = msgspec.json.Decoder(list[_Series])
_SCALAR: Final = msgspec.json.Decoder(_Value)


def decode(status: int, body: bytes) -> Answer | Unusable:
    """The answer to one instant query."""
    try:
        reply = _REPLY.decode(body)
        if reply.status == "error":
            kind = reply.error_type if reply.error_type in ERROR_KINDS else "unknown"
            return Unusable(f"Prometheus refused the query: {kind} (HTTP {status})")
        if status != 200 or reply.data is None:  # noqa: PLR2004 - the only status that carries data
            return Unusable(f"Prometheus answered without data (HTTP {status})")
        if reply.warnings:
            return Unusable("Prometheus warns that its answer may be incomplete")
        return _samples(reply.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return Unusable(f"the answer is not what Prometheus sends (HTTP {status})")


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

"""What a structured provider's answer holds, twice: as a value for expressions, and as samples for a range. Pure.

Called by the providers' `found`. The numbers of JSON become floats, as they do in Go, so that a condition written for
Argo means the same.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from tidegate_metrics_analyzer.question import Answer, Raw, Sample, Unusable, Value

BROKEN = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
"""What decoding may raise, whatever the bytes are."""


Points = Sequence[tuple[float, float | None]]
"""Of one series: each with its moment in seconds."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    value: Value
    answer: Answer | Unusable


def from_json(body: bytes) -> Raw:
    """Any JSON text; raises one of `BROKEN`."""
    return as_go(msgspec.json.decode(body))


def as_go(value: Any) -> Raw:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return cast("Raw", value)
    if isinstance(value, list):
        return [as_go(one) for one in value]
    if isinstance(value, dict):
        return {name: as_go(one) for name, one in value.items()}
    return float(value)


def of_value(raw: Raw, at_s: float, **metadata: str) -> Found:
    """What carries no times: of this moment. A list of numbers is as many series."""
    return Found(value=Value(raw=raw, metadata=metadata), answer=_answer(raw, at_s))


def of_points(raw: Raw, series: Sequence[Points]) -> Found:
    """Each series' latest point that has a value, at its own time."""
    latest = [max(((at_s, value) for at_s, value in points if value is not None), default=None) for points in series]
    samples = tuple(Sample(value=point[1], at_s=point[0]) for point in latest if point is not None)
    return Found(value=Value(raw=raw), answer=Answer(samples=samples))


def _answer(raw: Raw, at_s: float) -> Answer | Unusable:
    values = raw if isinstance(raw, list) else [] if raw is None else [raw]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) != len(values):
        return Unusable("the value is not a number")
    return Answer(samples=tuple(Sample(value=float(number), at_s=at_s) for number in numbers))

"""What an Argo template's `prometheus` block asks, told apart from plain PromQL. Pure; called by `prometheus`.

Whoever evaluated the block's `rangeQuery` writes its start and end as epoch seconds.
"""

from typing import Final

import msgspec

from tidegate_metrics_analyzer import durations
from tidegate_metrics_analyzer.question import Unusable

POINTS_MAX: Final = 11_000
"""Of one series, as Prometheus itself allows."""


class _RangeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    start: float
    end: float
    step: str


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    query: str
    address: str = ""
    range_query: _RangeQuery | None = None


class Asked(msgspec.Struct, frozen=True):
    query: str
    address: str = ""
    """Empty: wherever the provider asks."""
    times: dict[str, float] | None = None
    """`start`, `end` and `step` of a range, in seconds; None asks for this moment."""


_DOCUMENT: Final = msgspec.json.Decoder(_Document)


def read(text: str) -> Asked | Unusable:
    """Any text that is no JSON object is PromQL."""
    try:
        is_document = isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        is_document = False
    if not is_document:
        return Asked(text)
    try:
        document = _DOCUMENT.decode(text)
        times = None if document.range_query is None else _times(document.range_query)
    except (ValueError, OverflowError) as error:
        return Unusable(f"the prometheus block is refused: {error}")
    return Asked(document.query, document.address, times)


def _times(asked: _RangeQuery) -> dict[str, float]:
    step_s = durations.seconds(asked.step)
    if not 0 <= asked.end - asked.start < step_s * POINTS_MAX:
        raise ValueError(f"rangeQuery must end after its start, with at most {POINTS_MAX} steps")
    return {"start": asked.start, "end": asked.end, "step": step_s}

"""Measured values as lines of small bars, with the limit that they were held against. Pure; called by `draw`.

The events carry the values themselves: whoever wants another chart has them in `-o json`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rich.text import Text

from tidegate_contracts.comparison import Compared
from tidegate_contracts.facts import Measurement

BARS: Final = "▁▂▃▄▅▆▇█"
GAP: Final = "·"
"""A moment without a value."""

BEYOND: Final = "bold red"
_PERCENT: Final = 100.0

Values = Sequence[float | None]


class _Limits(NamedTuple):
    """Beyond them a value speaks against the new version; one for each value."""

    low: Values
    high: Values


class _Scale(NamedTuple):
    low: float
    high: float

    def bar(self, value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return GAP
        reach = self.high - self.low
        share = (value - self.low) / reach if 0 < reach < math.inf else 0.0
        return BARS[min(len(BARS) - 1, math.floor(share * len(BARS)))]


def shown(measurement: Measurement, indent: str) -> Text:
    """A line of each series, all of them by one scale, each begun by `indent`; nothing where nothing was measured."""
    values = measurement.values
    if not any(value is not None for value in values):
        return Text()
    if measurement.compared is not None:
        return _comparison(values, measurement.compared, indent)
    limits = _Limits([measurement.minimum] * len(values), [measurement.maximum] * len(values))
    scale = _scale([*values, measurement.minimum, measurement.maximum])
    text = Text(indent)
    text.append_text(_line(values, limits, scale))
    for word, limit in (("at least", measurement.minimum), ("at most", measurement.maximum)):
        text.append(f"; {word} {limit:g} {scale.bar(limit)}" if limit is not None else "")
    return text


def _comparison(canary: Values, compared: Compared, indent: str) -> Text:
    limits = _limits(compared)
    scale = _scale([*canary, *compared.stable_values, *limits.low, *limits.high])
    text = Text.assemble(indent, "canary   ", _line(canary, limits, scale))
    text.append(f"\n{indent}stable   ").append_text(_line(compared.stable_values, None, scale))
    moved = compared.tolerance_percent or compared.tolerance
    for word, limit in (("at least ", limits.low), ("at most  ", limits.high)):
        if moved and _known(limit):
            text.append(f"\n{indent}{word}").append_text(_line(limit, None, scale))
    return text


def _limits(compared: Compared) -> _Limits:
    """The stable's values, moved by the tolerance to the side that is judged."""
    margins = [
        max(compared.tolerance, abs(value) * compared.tolerance_percent / _PERCENT) for value in compared.stable_values
    ]
    none: Values = [None] * len(margins)
    moved = list(zip(compared.stable_values, margins, strict=True))
    low = [value - margin for value, margin in moved] if compared.direction != "increase" else none
    high = [value + margin for value, margin in moved] if compared.direction != "decrease" else none
    return _Limits(low, high)


def _line(values: Values, limits: _Limits | None, scale: _Scale) -> Text:
    text = Text()
    for index, value in enumerate(values):
        text.append(scale.bar(value), style=BEYOND if limits is not None and _beyond(value, limits, index) else "")
    known = _known(values)
    return text.append(f" {min(known):g} to {max(known):g}") if known else text


def _beyond(value: float | None, limits: _Limits, index: int) -> bool:
    low, high = (limit[index] if index < len(limit) else None for limit in limits)
    if value is None:
        return False
    return (low is not None and value < low) or (high is not None and value > high)


def _scale(values: Iterable[float | None]) -> _Scale:
    known = _known(values)
    return _Scale(min(known), max(known))


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]

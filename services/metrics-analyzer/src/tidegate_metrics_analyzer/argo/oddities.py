"""Results that are no evidence by themselves, and whether a condition says what they mean. Pure; called by `phase`.

`all`, `none`, `any` and `count` say nothing of it: of an empty list they are true or false whatever was measured.
"""

import math
from functools import lru_cache
from typing import Any, Final

from tidegate_metrics_analyzer.argo.metric import CONDITIONS_KEPT_MAX, PlannedMetric
from tidegate_metrics_analyzer.expr import Expression

_WORDS: Final = {
    "nothing": frozenset({"isNil", "default", "len", "nil", "??", "[]", "{}"}),
    "not a number (NaN)": frozenset({"isNaN"}),
    "infinite": frozenset({"isInf"}),
}
"""By what a result is: the words with which a condition says what that means."""

_BESIDE_VALUES: Final = {"cloudwatch": frozenset({"Id", "Label", "StatusCode", "Timestamps"})}
"""By provider: the fields that say what its values are of. They are there without any value, too."""

_OF_SEVERAL_QUERIES: Final = frozenset({"cloudwatch"})
"""Whose results are one of each query: values of one say nothing of another that has none."""


def unsaid(metric: PlannedMetric, result: Any) -> str | None:
    """What the result is that no condition says the meaning of; None where it is evidence."""
    said = _words(metric.success_condition) | _words(metric.failure_condition)
    return next((is_what for is_what in _oddities(metric, result) if not _WORDS[is_what] & said), None)


@lru_cache(maxsize=CONDITIONS_KEPT_MAX)
def _words(condition: str) -> frozenset[str]:
    return Expression(condition).words()


def _oddities(metric: PlannedMetric, result: Any) -> list[str]:
    values = result if isinstance(result, list | tuple) else [result]
    numbers = [value for value in values if isinstance(value, float)]
    found = {
        "nothing": _lacks_values(metric.provider.lower(), values),
        "not a number (NaN)": any(math.isnan(value) for value in numbers),
        "infinite": any(math.isinf(value) for value in numbers),
    }
    return [is_what for is_what, applies in found.items() if applies]


def _lacks_values(provider: str, values: list[Any] | tuple[Any, ...]) -> bool:
    beside_values = _BESIDE_VALUES.get(provider, frozenset())
    if provider in _OF_SEVERAL_QUERIES and any(_is_nothing(value, beside_values) for value in values):
        return True
    return _is_nothing(values, beside_values)


def _is_nothing(result: Any, beside_values: frozenset[str]) -> bool:
    """Whether there is no value in it, however many lists and maps are around that. It may nest as deep as JSON."""
    waiting = [result]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [item for name, item in value.items() if name not in beside_values]
        elif isinstance(value, list | tuple):
            waiting += value
        elif value is not None:
            return False
    return True

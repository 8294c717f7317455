"""The border between Python's JSON and the values of an expression, both ways. Pure; called by `expression` and by
`fromJSON`.

Only the types of JSON come in, whatever a provider hands over; a tuple of floats is Go's `[]float64`, a list may hold
anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate_metrics_analyzer.expr import limits
from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import beyond, mismatch, no_answer
from tidegate_metrics_analyzer.expr.formatting import shown
from tidegate_metrics_analyzer.expr.values import INT_MAX, INT_MIN, SURROGATE, Slice, Table, Value, table_of


@dataclass(slots=True)
class _Converted:
    items: int = 0

    def value(self, given: Any, level: int = 0) -> Value:
        self.items += 1
        if self.items > limits.RESULT_ITEMS_MAX or level > limits.VALUE_LEVELS_MAX:
            raise beyond(f"more than {limits.RESULT_ITEMS_MAX} values, or {limits.VALUE_LEVELS_MAX} levels of them")
        if given is None or isinstance(given, bool):
            return given
        if isinstance(given, str):
            return SURROGATE.sub("\ufffd", given)
        if isinstance(given, int) and INT_MIN <= given <= INT_MAX:
            return int(given)
        if isinstance(given, int | float):
            return _float(given)
        return self._container(given, level)

    def _container(self, given: Any, level: int) -> Value:
        if isinstance(given, tuple):
            return self._floats(given)
        if isinstance(given, list):
            return Slice("any", [self.value(item, level + 1) for item in given])
        if isinstance(given, Mapping) and all(isinstance(key, str) for key in given):
            return table_of({str(self.value(key)): self.value(item, level + 1) for key, item in given.items()})
        raise mismatch(f"a result can't hold {type(given).__name__}")

    def _floats(self, given: tuple[Any, ...]) -> Value:
        self.items += len(given)
        if self.items > limits.RESULT_ITEMS_MAX:
            raise beyond(f"more than {limits.RESULT_ITEMS_MAX} values")
        if not all(isinstance(item, float) for item in given):
            raise mismatch("a tuple in a result holds floats")
        return Slice("float64", given)


def _float(given: float) -> float:
    try:
        return float(given)
    except OverflowError:
        raise no_answer("a number beyond what a float holds") from None


def from_json(given: Any) -> Value:
    return _Converted().value(given)


def to_json(value: Value, budget: Budget) -> Any:
    """What an expression came to, for those who read it: functions, times and durations as the text that expr shows."""
    budget.step()
    if isinstance(value, Slice):
        return None if value.absent else [to_json(item, budget) for item in value.items]
    if isinstance(value, Table):
        return {shown(key, budget): to_json(item, budget) for (_, key), item in value.entries.items()}
    if isinstance(value, str):
        return SURROGATE.sub("\ufffd", value)
    if value is None or isinstance(value, bool | float):
        return value
    return int(value) if isinstance(value, int) else shown(value, budget)

"""A value as Go's `%v` prints it: what `string()` answers. Pure; called by `functions_data` and `conversion`."""

import math
from typing import Final

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.numerals import scientific
from tidegate_metrics_analyzer.expr.times import shown_duration, shown_time
from tidegate_metrics_analyzer.expr.values import Duration, Function, Moment, Slice, Table, Value, item_of

EXPONENT_FROM: Final = 6
EXPONENT_BELOW: Final = -4
ORDER_OF_KINDS: Final = ("nil", "int", "int64", "uint8", "float64", "bool", "string")


def shown(value: Value, budget: Budget) -> str:
    return budget.text(_shown(value, budget))


def _shown(value: Value, budget: Budget) -> str:  # noqa: C901, PLR0911 (one line for each type)
    budget.step()
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return shown_float(value)
        case int():
            return str(int(value))
        case str():
            return value
        case Slice():
            return f"[{' '.join(shown(item_of(value, at), budget) for at in range(len(value.items)))}]"
        case Table():
            entries = sorted(value.entries.items(), key=lambda entry: _order(entry[0]))
            return f"map[{' '.join(f'{shown(key[1], budget)}:{shown(item, budget)}' for key, item in entries)}]"
        case Duration():
            return shown_duration(value)
        case Moment():
            return shown_time(value)
        case Function():
            raise no_answer("a function has no text")
    return str(value)


def _order(key: tuple[str, Value]) -> tuple[int, float, str]:
    kind, value = key
    rank = ORDER_OF_KINDS.index(kind) if kind in ORDER_OF_KINDS else len(ORDER_OF_KINDS)
    return rank, float(value) if isinstance(value, int | float) else 0.0, value if isinstance(value, str) else ""


def shown_float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = scientific(value)
    if exponent < EXPONENT_BELOW or exponent >= EXPONENT_FROM:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return f"{sign}{plain(digits, exponent)}"


def plain(digits: str, exponent: int) -> str:
    """Digits with their point, and no exponent."""
    if exponent < 0:
        return f"0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{whole}.{digits[exponent + 1 :]}" if len(digits) > exponent + 1 else whole

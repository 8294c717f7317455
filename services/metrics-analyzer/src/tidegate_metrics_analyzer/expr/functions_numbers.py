"""Functions of numbers: conversions, rounding, aggregates, bits. Pure; gathered by `functions`."""

import math
from collections.abc import Callable, Iterator
from typing import Final

from tidegate_metrics_analyzer.expr.arithmetic import truncated
from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.equality import compare
from tidegate_metrics_analyzer.expr.faults import mismatch, no_answer
from tidegate_metrics_analyzer.expr.numerals import float_of, integer_of
from tidegate_metrics_analyzer.expr.values import (
    Byte,
    Duration,
    LongInteger,
    Slice,
    Value,
    is_integer,
    is_number,
    item_of,
    type_of,
    wrapped,
)

MANY_ARGUMENTS: Final = 10_000
SHIFT_MAX: Final = 64
UNSIGNED: Final = 2**64
COUNT_NANOSECONDS: Final = ("mean", "median")
"""They take durations for numbers; the others compare them with each other only."""


def _absolute(arguments: list[Value], _: Budget) -> Value:
    value = arguments[0]
    if isinstance(value, float):
        return -value if value < 0 else value
    if isinstance(value, LongInteger):
        return LongInteger(wrapped(abs(value)))
    if isinstance(value, Byte):
        return value
    if isinstance(value, int) and is_integer(value):
        return wrapped(abs(value))
    raise mismatch(f"invalid argument for abs (type {type_of(value)})")


def _rounding(name: str, whole: Callable[[float], float]) -> Callable[[list[Value], Budget], Value]:
    def rounded(arguments: list[Value], _: Budget) -> Value:
        value = arguments[0]
        if not (isinstance(value, int | float) and is_number(value)):
            raise mismatch(f"invalid argument for {name} (type {type_of(value)})")
        number = float(value)
        return math.copysign(whole(number), number) if math.isfinite(number) else number

    return rounded


def _half_away(value: float) -> float:
    whole = math.trunc(value)
    return float(whole + (math.copysign(1, value) if abs(value - whole) >= 0.5 else 0))  # noqa: PLR2004 (a half)


def _integer(arguments: list[Value], _: Budget) -> Value:
    value = arguments[0]
    if isinstance(value, str):
        return integer_of(value)
    if isinstance(value, Duration):
        return value.nanoseconds
    if isinstance(value, float):
        return truncated(value)
    if isinstance(value, int) and is_integer(value):
        return int(value)
    raise mismatch(f"invalid operation: int({type_of(value)})")


def _float(arguments: list[Value], _: Budget) -> Value:
    value = arguments[0]
    if isinstance(value, str):
        return float_of(value)
    if isinstance(value, int | float) and is_number(value):
        return float(value)
    raise mismatch(f"invalid operation: float({type_of(value)})")


def _extreme(name: str, replaced_when: str) -> Callable[[list[Value], Budget], Value]:
    def extreme(arguments: list[Value], budget: Budget) -> Value:
        if len(arguments) == 1 and not (is_number(arguments[0]) or isinstance(arguments[0], Slice)):
            return arguments[0]
        best: Value = None
        for argument in arguments:
            candidates = [argument] if isinstance(argument, Duration) else _numbers(name, [argument], budget)
            for candidate in candidates:
                if best is None or compare(replaced_when, best, candidate):
                    best = candidate
        return best

    return extreme


def _numbers(name: str, arguments: list[Value], budget: Budget) -> Iterator[int | float]:
    """All numbers, however deep they stand in arrays."""
    for argument in arguments:
        budget.step()
        if isinstance(argument, Slice):
            budget.step(len(argument.items))
            yield from _numbers(name, [item_of(argument, at) for at in range(len(argument.items))], budget)
        elif isinstance(argument, int | float) and is_number(argument):
            yield argument
        elif isinstance(argument, Duration) and name in COUNT_NANOSECONDS:
            yield argument.nanoseconds
        else:
            raise mismatch(f"invalid argument for {name} (type {type_of(argument)})")


def _mean(arguments: list[Value], budget: Budget) -> Value:
    count, total = _sum(arguments, budget)
    return total / count if count else 0.0


def _sum(arguments: list[Value], budget: Budget) -> tuple[int, float]:
    """Array by array, because floats add up differently in another order."""
    count, total = 0, 0.0
    for argument in arguments:
        budget.step()
        if isinstance(argument, Slice):
            budget.step(len(argument.items))
            inner_count, inner = _sum([item_of(argument, at) for at in range(len(argument.items))], budget)
            count, total = count + inner_count, total + inner
        else:
            count, total = count + 1, total + float(next(_numbers("mean", [argument], budget)))
    return count, total


def _median(arguments: list[Value], budget: Budget) -> Value:
    found = [float(number) for number in _numbers("median", arguments, budget)]
    ordered = sorted(found, key=lambda number: (not math.isnan(number), number))
    middle = len(ordered) // 2
    if not ordered:
        return 0.0
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _bits(name: str, operation: Callable[[int, int], int]) -> Callable[[list[Value], Budget], Value]:
    def computed(arguments: list[Value], _: Budget) -> Value:
        left, right = (_whole(name, argument) for argument in arguments)
        return wrapped(operation(left, right))

    return computed


def _whole(name: str, value: Value) -> int:
    if isinstance(value, int) and is_integer(value):
        return int(value)
    raise mismatch(f"cannot use {type_of(value)} as argument (type int) to call {name}")


def _shift(count: int) -> int:
    if count < 0:
        raise no_answer(f"invalid operation: negative shift count {count} (type int)")
    return min(count, SHIFT_MAX)


NUMBERS: Final[dict[str, tuple[int, int, Callable[[list[Value], Budget], Value]]]] = {
    "abs": (1, 1, _absolute),
    "ceil": (1, 1, _rounding("ceil", math.ceil)),
    "floor": (1, 1, _rounding("floor", math.floor)),
    "round": (1, 1, _rounding("round", _half_away)),
    "int": (1, 1, _integer),
    "float": (1, 1, _float),
    "max": (1, MANY_ARGUMENTS, _extreme("max", "<")),
    "min": (1, MANY_ARGUMENTS, _extreme("min", ">")),
    "mean": (1, MANY_ARGUMENTS, _mean),
    "median": (1, MANY_ARGUMENTS, _median),
    "bitand": (2, 2, _bits("bitand", lambda left, right: left & right)),
    "bitor": (2, 2, _bits("bitor", lambda left, right: left | right)),
    "bitxor": (2, 2, _bits("bitxor", lambda left, right: left ^ right)),
    "bitnand": (2, 2, _bits("bitnand", lambda left, right: left & ~right)),
    "bitshl": (2, 2, _bits("bitshl", lambda left, right: left << _shift(right))),
    "bitshr": (2, 2, _bits("bitshr", lambda left, right: left >> _shift(right))),
    "bitushr": (2, 2, _bits("bitushr", lambda left, right: (left % UNSIGNED) >> _shift(right))),
    "bitnot": (1, 1, lambda arguments, _: ~_whole("bitnot", arguments[0])),
}

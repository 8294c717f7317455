"""Sums, products and powers as Go computes them: 64 bits that wrap, divisions that are always floats. Pure; called by
`interpreter`.
"""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import mismatch, no_answer
from tidegate_metrics_analyzer.expr.powers import power
from tidegate_metrics_analyzer.expr.values import (
    Byte,
    Duration,
    LongInteger,
    Moment,
    Value,
    bytes_of,
    is_integer,
    is_number,
    text_of,
    type_of,
    wrapped,
)

NANOSECONDS_PER_MICROSECOND: Final = 1000
BYTE_VALUES: Final = 256


def add(left: Value, right: Value, budget: Budget) -> Value:
    if is_number(left) and is_number(right):
        return _numbers("+", left, right)
    if isinstance(left, str) and isinstance(right, str):
        budget.write(len(left) + len(right))
        joined = left + right
        return joined if joined.isascii() else text_of(bytes_of(joined))
    match left, right:
        case (Moment(), Duration()):
            return _later(left, right.nanoseconds)
        case (Duration(), Moment()):
            return _later(right, left.nanoseconds)
        case (Duration(), Duration()):
            return Duration(wrapped(left.nanoseconds + right.nanoseconds))
    raise _undefined("+", left, right)


def subtract(left: Value, right: Value) -> Value:
    if is_number(left) and is_number(right):
        return _numbers("-", left, right)
    match left, right:
        case (Moment(), Moment()):
            return Duration((left.at - right.at) // timedelta(microseconds=1) * NANOSECONDS_PER_MICROSECOND)
        case (Moment(), Duration()):
            return _later(left, -right.nanoseconds)
        case (Duration(), Duration()):
            return Duration(wrapped(left.nanoseconds - right.nanoseconds))
    raise _undefined("-", left, right)


def multiply(left: Value, right: Value) -> Value:
    if is_number(left) and is_number(right):
        return _numbers("*", left, right)
    if not (isinstance(left, Duration) or isinstance(right, Duration)):
        raise _undefined("*", left, right)
    one = left.nanoseconds if isinstance(left, Duration) else left
    other = right.nanoseconds if isinstance(right, Duration) else right
    product = _numbers("*", one, other) if is_number(one) and is_number(other) else None
    if product is None:
        raise _undefined("*", left, right)
    return Duration(product) if isinstance(product, int) else product


def divide(left: Value, right: Value) -> float:
    if not (is_number(left) and is_number(right)):
        raise _undefined("/", left, right)
    dividend, divisor = as_float(left), as_float(right)
    if divisor != 0:
        return dividend / divisor
    if dividend == 0 or math.isnan(dividend) or math.isnan(divisor):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1, divisor)


def remainder(left: Value, right: Value) -> int:
    if not (isinstance(left, int) and isinstance(right, int) and is_integer(left) and is_integer(right)):
        raise _undefined("%", left, right)
    if right == 0:
        raise no_answer("integer divide by zero")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def exponent(left: Value, right: Value) -> float:
    return power(as_float(left), as_float(right))


def negate(value: Value) -> Value:
    if isinstance(value, float):
        return -value
    if isinstance(value, Byte):
        return Byte(-value % BYTE_VALUES)
    if isinstance(value, LongInteger):
        return LongInteger(wrapped(-value))
    if isinstance(value, int) and is_integer(value):
        return wrapped(-value)
    raise mismatch(f"invalid operation: - {type_of(value)}")


def as_float(value: Value) -> float:
    if isinstance(value, int | float) and is_number(value):
        return float(value)
    raise mismatch(f"invalid operation: float({type_of(value)})")


def as_integer(value: Value) -> int:
    """Go's conversion: towards zero, and the smallest of all where a float has no place among 64 bits."""
    if isinstance(value, float):
        return truncated(value)
    if isinstance(value, int) and is_integer(value):
        return int(value)
    raise mismatch(f"invalid operation: int({type_of(value)})")


def truncated(value: float) -> int:
    if math.isnan(value) or not -(2.0**63) <= value < 2.0**63:
        return -(2**63)
    return math.trunc(value)


OPERATIONS: Final[dict[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}


def _numbers(operator: str, left: Value, right: Value) -> int | float:
    operation = OPERATIONS[operator]
    if isinstance(left, int) and isinstance(right, int):
        return wrapped(int(operation(int(left), int(right))))
    return operation(as_float(left), as_float(right))


def _later(moment: Moment, nanoseconds: int) -> Moment:
    try:
        return Moment(moment.at + timedelta(microseconds=nanoseconds // NANOSECONDS_PER_MICROSECOND))
    except OverflowError:
        raise no_answer("a time beyond what can be told") from None


def _undefined(operator: str, left: Value, right: Value) -> Exception:
    return mismatch(f"invalid operation: {type_of(left)} {operator} {type_of(right)}")

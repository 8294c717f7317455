"""When two values are equal and which comes first, as expr has it: numbers across types, nothing else. Pure; used by
operators and functions.
"""

from collections.abc import Callable
from typing import Final, cast

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import mismatch
from tidegate_metrics_analyzer.expr.values import (
    Duration,
    Function,
    Moment,
    Slice,
    Table,
    Value,
    bytes_of,
    is_integer,
    is_nil,
    is_number,
    item_of,
    type_of,
)

COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def equal(left: Value, right: Value, budget: Budget) -> bool:
    """`==`: arrays item by item as far as one of them may hold anything, and otherwise only what is the same in type
    and content.
    """
    budget.step()
    if is_number(left) and is_number(right):
        return same_number(left, right)
    if isinstance(left, Moment) and isinstance(right, Moment):
        return left.at == right.at
    if isinstance(left, Slice) and isinstance(right, Slice) and _by_items(left, right):
        return len(left.items) == len(right.items) and all(
            equal(item_of(left, position), item_of(right, position), budget) for position in range(len(left.items))
        )
    if is_nil(left) and is_nil(right):
        return True
    return same(left, right, budget)


def _by_items(left: Slice, right: Slice) -> bool:
    if "pair" in (left.element, right.element) or "[2]any" in (left.element, right.element):
        return False
    return "any" in (left.element, right.element) or left.element == right.element


def same_number(left: Value, right: Value) -> bool:
    if is_integer(left) and is_integer(right):
        return left == right
    return _float(left) == _float(right)


def same(left: Value, right: Value, budget: Budget) -> bool:
    """Go's reflect.DeepEqual."""
    budget.step()
    if left is right and isinstance(left, Slice | Table):
        return True
    if type_of(left) != type_of(right) or isinstance(left, Function):
        return False
    if isinstance(left, Slice) and isinstance(right, Slice):
        if left.absent != right.absent or len(left.items) != len(right.items):
            return False
        positions = range(len(left.items))
        return all(same(item_of(left, position), item_of(right, position), budget) for position in positions)
    if isinstance(left, Table) and isinstance(right, Table):
        return left.entries.keys() == right.entries.keys() and all(
            same(value, right.entries[key], budget) for key, value in left.entries.items()
        )
    return left == right


def compare(operator: str, left: Value, right: Value) -> bool:
    compared = COMPARISONS[operator]
    if is_number(left) and is_number(right):
        if is_integer(left) and is_integer(right):
            return compared(cast("int", left), cast("int", right))
        return compared(cast("int", _float(left)), cast("int", _float(right)))
    if isinstance(left, str) and isinstance(right, str):
        one, other = bytes_of(left), bytes_of(right)
        return compared((one > other) - (one < other), 0)
    if isinstance(left, Moment) and isinstance(right, Moment):
        return compared((left.at > right.at) - (left.at < right.at), 0)
    if isinstance(left, Duration) and isinstance(right, Duration):
        return compared(left.nanoseconds, right.nanoseconds)
    raise mismatch(f"invalid operation: {type_of(left)} {operator} {type_of(right)}")


def _float(value: Value) -> float:
    assert isinstance(value, int | float)
    return float(value)

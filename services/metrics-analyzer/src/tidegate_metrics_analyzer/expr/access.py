"""Ways into a value: members, indexes, slices, `in`, lengths. Pure; called by `interpreter` and the functions.

Texts are bytes here, as Go's strings are: an index gives a byte, and a slice may cut a character in two.
"""

import math
from typing import cast

from tidegate_metrics_analyzer.expr.arithmetic import as_integer
from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.equality import equal
from tidegate_metrics_analyzer.expr.faults import mismatch, nowhere
from tidegate_metrics_analyzer.expr.methods import bound_method
from tidegate_metrics_analyzer.expr.values import (
    Byte,
    Moment,
    Slice,
    Table,
    Value,
    bytes_of,
    item_of,
    key_of,
    text_of,
    type_of,
)


def fetch(base: Value, key: Value) -> Value:
    """`base[key]` and `base.key`; a map answers nil for what it doesn't hold."""
    if isinstance(base, Slice | str):
        return _item(base, as_integer(key))
    if isinstance(base, Table):
        missing: Value = Slice("any", (), absent=True) if base.element == "[]any" else None
        return base.entries.get(lookup_key(base, key), missing)
    method = bound_method(base, key) if isinstance(key, str) else None
    if method is not None:
        return method
    raise nowhere(f"cannot fetch {key if isinstance(key, str | int) else type_of(key)} from {type_of(base)}")


def _item(base: Slice | str, position: int) -> Value:
    data = bytes_of(base) if isinstance(base, str) else base.items
    at = position + len(data) if position < 0 else position
    if not 0 <= at < len(data):
        raise nowhere(f"index out of range: {at} (array length is {len(data)})")
    return item_of(base, at) if isinstance(base, Slice) else Byte(bytes_of(base)[at])


def lookup_key(table: Table, key: Value) -> tuple[str, Value]:
    """The key as the map holds it; one of another type is no key of it at all."""
    if key is None and table.key_type != "any":
        key = "" if table.key_type == "string" else 0
    if table.key_type not in ("any", type_of(key)):
        raise mismatch(f"value of type {type_of(key)} is not assignable to type {table.key_type}")
    return hashable(key)


def hashable(key: Value) -> tuple[str, Value]:
    if isinstance(key, Slice | Table) or type_of(key) == "func":
        raise mismatch(f"hash of unhashable type {type_of(key)}")
    if isinstance(key, float) and math.isnan(key):
        return key_of(float("nan"))  # a new one each time, for it is no key that anything finds again
    return key_of(key)


def get(base: Value, key: Value) -> Value:
    """As `fetch`, and nil where there is nothing."""
    if isinstance(base, Slice | str):
        data = bytes_of(base) if isinstance(base, str) else base.items
        position = as_integer(key)
        at = position + len(data) if position < 0 else position
        return _item(base, at) if 0 <= at < len(data) else None
    if isinstance(base, Table):
        return base.entries.get(lookup_key(base, key))
    return bound_method(base, key) if isinstance(key, str) else None


def cut(base: Value, start: Value, end: Value) -> Slice | str:
    if not isinstance(base, Slice | str):
        raise mismatch(f"cannot slice {type_of(base)}")
    data = bytes_of(base) if isinstance(base, str) else base.items
    length = len(data)
    first, last = as_integer(start), as_integer(end)
    first = max(length + first if first < 0 else first, 0)
    last = min(max(length + last if last < 0 else last, 0), length)
    part = data[min(first, last) : last]
    if isinstance(base, Slice):
        return Slice(base.element, part, absent=base.absent)
    return text_of(bytes(cast("bytes", part)))


def length_in_bytes(value: Value) -> int:
    if isinstance(value, str):
        return len(bytes_of(value))
    if isinstance(value, Slice):
        return len(value.items)
    if isinstance(value, Table):
        return len(value.entries)
    raise mismatch(f"invalid argument for len (type {type_of(value)})")


def contained(needle: Value, container: Value, budget: Budget) -> bool:
    """`in`."""
    if container is None:
        return False
    if isinstance(container, Slice):
        return any(equal(item_of(container, at), needle, budget) for at in range(len(container.items)))
    if isinstance(container, Table):
        return lookup_key(container, needle) in container.entries
    if isinstance(container, Moment) and isinstance(needle, str):
        return False
    raise mismatch(f'operator "in" not defined on {type_of(container)}')

"""Functions of arrays and maps: len, first, keys, sort, flatten and their like. Pure; gathered by `functions`.

A map's keys come in the order in which they were put in; Go's come in any.
"""

from collections.abc import Callable
from typing import Final

from tidegate_metrics_analyzer.expr.access import fetch, get, hashable
from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.equality import equal
from tidegate_metrics_analyzer.expr.faults import Refused, mismatch, no_answer, nowhere
from tidegate_metrics_analyzer.expr.sorting import sorted_positions
from tidegate_metrics_analyzer.expr.values import Duration, Slice, Table, Value, item_of, type_of

MANY_ARGUMENTS: Final = 10_000
SORTED: Final = ("any", "int", "float64", "string")
PAIR_ITEMS: Final = 2


def _items(name: str, value: Value, budget: Budget) -> list[Value]:
    if not isinstance(value, Slice):
        raise mismatch(f"cannot {name} {type_of(value)}")
    budget.step(len(value.items))
    return [item_of(value, at) for at in range(len(value.items))]


def _table(name: str, value: Value, budget: Budget) -> Table:
    if not isinstance(value, Table):
        raise mismatch(f"cannot get {name} from {type_of(value)}")
    budget.step(len(value.entries))
    return value


def _length(arguments: list[Value], _: Budget) -> Value:
    value = arguments[0]
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Slice):
        return len(value.items)
    if isinstance(value, Table):
        return len(value.entries)
    raise mismatch(f"invalid argument for len (type {type_of(value)})")


def _end(position: int) -> Callable[[list[Value], Budget], Value]:
    def end(arguments: list[Value], _: Budget) -> Value:
        try:
            return fetch(arguments[0], position)
        except Refused:
            return None

    return end


def _take(arguments: list[Value], budget: Budget) -> Value:
    source, count = arguments
    items = _items("take from", source, budget)
    count = count.nanoseconds if isinstance(count, Duration) else count
    if not (isinstance(count, int) and type_of(count) in ("int", "int64")):
        raise mismatch(f"cannot take {type_of(count)} elements")
    assert isinstance(source, Slice)
    if source.element == "pair":
        raise mismatch("slice of unaddressable array")
    if count < 0:
        raise nowhere("slice index out of bounds")
    return Slice(source.element, source.items[: min(count, len(items))], absent=source.absent)


def _keys(arguments: list[Value], budget: Budget) -> Value:
    return Slice("any", [key for _, key in _table("keys", arguments[0], budget).entries])


def _values(arguments: list[Value], budget: Budget) -> Value:
    return Slice("any", list(_table("values", arguments[0], budget).entries.values()))


def _to_pairs(arguments: list[Value], budget: Budget) -> Value:
    entries = _table("pairs", arguments[0], budget).entries
    return Slice("[2]any", [Slice("pair", (key, value)) for (_, key), value in entries.items()])


def _from_pairs(arguments: list[Value], budget: Budget) -> Value:
    entries: dict[tuple[str, Value], Value] = {}
    for pair in _items("make a map from", arguments[0], budget):
        if not isinstance(pair, Slice) or len(pair.items) != PAIR_ITEMS:
            raise mismatch(f"invalid pair {type_of(pair)}")
        entries[hashable(item_of(pair, 0))] = item_of(pair, 1)
    return Table("any", entries)


def _reverse(arguments: list[Value], budget: Budget) -> Value:
    items = _items("reverse", arguments[0], budget)
    budget.grow(len(items))
    return Slice("any", items[::-1])


def _unique(arguments: list[Value], budget: Budget) -> Value:
    kept: list[Value] = []
    for item in _items("uniq", arguments[0], budget):
        if not any(equal(item, other, budget) for other in kept):
            kept.append(item)
    return Slice("any", kept)


def _concatenate(arguments: list[Value], budget: Budget) -> Value:
    items = [item for argument in arguments for item in _items("concat", argument, budget)]
    budget.grow(len(items))
    return Slice("any", items, absent=not items)


def _flatten(arguments: list[Value], budget: Budget) -> Value:
    items = _flat(arguments[0], budget)
    budget.grow(len(items))
    return Slice("any", items)


def _flat(value: Value, budget: Budget) -> list[Value]:
    flat: list[Value] = []
    for item in _items("flatten", value, budget):
        flat.extend(_flat(item, budget) if isinstance(item, Slice) else [item])
    return flat


def _sort(arguments: list[Value], budget: Budget) -> Value:
    source = arguments[0]
    order = arguments[1] if len(arguments) > 1 else "asc"
    if not isinstance(order, str):
        raise mismatch(f"sort order argument must be a string (got {type_of(order)})")
    if order not in ("asc", "desc"):
        raise no_answer(f"invalid order {order}, expected asc or desc")
    if not isinstance(source, Slice) or source.element not in SORTED:
        return Slice("any", (), absent=True)
    items = _items("sort", source, budget)
    budget.grow(len(items))
    return Slice("any", [items[at] for at in sorted_positions(items, order, budget)])


COLLECTIONS: Final[dict[str, tuple[int, int, Callable[[list[Value], Budget], Value]]]] = {
    "len": (1, 1, _length),
    "first": (1, 1, _end(0)),
    "last": (1, 1, _end(-1)),
    "get": (2, 2, lambda arguments, _: get(*arguments)),
    "take": (2, 2, _take),
    "keys": (1, 1, _keys),
    "values": (1, 1, _values),
    "toPairs": (1, 1, _to_pairs),
    "fromPairs": (1, 1, _from_pairs),
    "reverse": (1, 1, _reverse),
    "uniq": (1, 1, _unique),
    "concat": (1, MANY_ARGUMENTS, _concatenate),
    "flatten": (1, 1, _flatten),
    "sort": (1, 2, _sort),
}

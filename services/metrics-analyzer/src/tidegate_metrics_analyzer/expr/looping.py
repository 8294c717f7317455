"""Functions that ask a predicate of each item: all, filter, map, reduce and their like. Pure; called by `interpreter`.

Each visits as many items as expr does and no more: what is not visited can't fail.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tidegate_metrics_analyzer.expr.access import hashable
from tidegate_metrics_analyzer.expr.arithmetic import add
from tidegate_metrics_analyzer.expr.faults import mismatch, no_answer, nowhere
from tidegate_metrics_analyzer.expr.sorting import sorted_positions
from tidegate_metrics_analyzer.expr.tree import Builtin
from tidegate_metrics_analyzer.expr.values import Byte, Slice, Table, Value, bytes_of, item_of, type_of

if TYPE_CHECKING:
    from tidegate_metrics_analyzer.expr.interpreter import Interpreter

Loop = Callable[["Interpreter", Builtin], Value]


@dataclass(slots=True)
class Scope:
    """What `#`, `#index` and `#acc` stand for."""

    collection: Slice | Table | str
    position: int = 0
    accumulated: Value = None
    data: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        if isinstance(self.collection, str):
            self.data = bytes_of(self.collection)

    def __len__(self) -> int:
        if isinstance(self.collection, str):
            return len(self.data)
        return len(self.collection.items if isinstance(self.collection, Slice) else self.collection.entries)

    def item(self) -> Value:
        if isinstance(self.collection, Slice):
            return item_of(self.collection, self.position)
        if isinstance(self.collection, str):
            return Byte(self.data[self.position])
        raise mismatch("a map has no items by number")


class _Open:
    """A scope around some work: `with _Open(…) as scope`."""

    def __init__(self, interpreter: "Interpreter", node: Builtin) -> None:
        self._interpreter = interpreter
        self._node = node

    def __enter__(self) -> Scope:
        collection = self._interpreter.value(self._node.arguments[0])
        if not isinstance(collection, Slice | Table | str):
            raise mismatch(f"builtin {self._node.name} takes only array (got {type_of(collection)})")
        scope = Scope(collection)
        self._interpreter.scopes.append(scope)
        return scope

    def __exit__(self, *_: object) -> None:
        self._interpreter.scopes.pop()


def _each(scope: Scope, interpreter: "Interpreter", *, backwards: bool = False) -> Iterator[None]:
    positions = range(scope.position, len(scope))
    for position in reversed(positions) if backwards else positions:
        interpreter.budget.step()
        scope.position = position
        yield


def _all(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        return all(interpreter.truth(node.arguments[1]) for _ in _each(scope, interpreter))


def _any(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        return any(interpreter.truth(node.arguments[1]) for _ in _each(scope, interpreter))


def _none(interpreter: "Interpreter", node: Builtin) -> Value:
    return not _any(interpreter, node)


def _one(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        return [interpreter.truth(node.arguments[1]) for _ in _each(scope, interpreter)].count(True) == 1


def _filter(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        kept = [
            scope.item() if node.then is None else interpreter.value(node.then)
            for _ in _each(scope, interpreter)
            if interpreter.truth(node.arguments[1])
        ]
    return _grown(interpreter, kept)


def _map(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        made = [interpreter.value(node.arguments[1]) for _ in _each(scope, interpreter)]
    return _grown(interpreter, made)


def _grown(interpreter: "Interpreter", items: list[Value]) -> Slice:
    interpreter.budget.grow(len(items))
    return Slice("any", items)


def _count(interpreter: "Interpreter", node: Builtin) -> Value:
    found = 0
    with _Open(interpreter, node) as scope:
        for _ in _each(scope, interpreter):
            found += _truth_of_item(interpreter, node, scope)
            if node.enough is not None and found >= node.enough:
                break
    return found


def _truth_of_item(interpreter: "Interpreter", node: Builtin, scope: Scope) -> bool:
    if len(node.arguments) > 1:
        return interpreter.truth(node.arguments[1])
    item = scope.item()
    if not isinstance(item, bool):
        raise mismatch(f"interface conversion: {type_of(item)} is not bool")
    return item


def _sum(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        scope.accumulated = 0
        for _ in _each(scope, interpreter):
            item = interpreter.value(node.arguments[1]) if len(node.arguments) > 1 else scope.item()
            scope.accumulated = add(item, scope.accumulated, interpreter.budget)
        return scope.accumulated


def _found(*, backwards: bool, position: bool) -> Loop:
    def loop(interpreter: "Interpreter", node: Builtin) -> Value:
        with _Open(interpreter, node) as scope:
            for _ in _each(scope, interpreter, backwards=backwards):
                if interpreter.truth(node.arguments[1]):
                    if position:
                        return scope.position
                    return scope.item() if node.then is None else interpreter.value(node.then)
        if node.strict:
            raise nowhere("slice index out of range")
        return None

    return loop


def _group(interpreter: "Interpreter", node: Builtin) -> Value:
    groups: dict[tuple[str, Value], list[Value]] = {}
    with _Open(interpreter, node) as scope:
        for _ in _each(scope, interpreter):
            key = hashable(interpreter.value(node.arguments[1]))
            groups.setdefault(key, []).append(scope.item())
    return Table("any", {key: Slice("any", items) for key, items in groups.items()}, "[]any")


def _sort(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        order = interpreter.value(node.arguments[2]) if len(node.arguments) > 2 else "asc"  # noqa: PLR2004 (the third)
        if not isinstance(order, str):
            raise mismatch("sortBy order argument must be a string")
        if order not in ("asc", "desc"):
            raise no_answer("unknown order, use asc or desc")
        pairs = [(scope.item(), interpreter.value(node.arguments[1])) for _ in _each(scope, interpreter)]
    interpreter.budget.grow(len(pairs))
    return Slice("any", [pairs[at][0] for at in sorted_positions([key for _, key in pairs], order, interpreter.budget)])


def _reduce(interpreter: "Interpreter", node: Builtin) -> Value:
    with _Open(interpreter, node) as scope:
        if len(node.arguments) > 2:  # noqa: PLR2004 (the third is where to begin)
            scope.accumulated = interpreter.value(node.arguments[2])
        elif len(scope) == 0:
            raise no_answer("reduce of empty array with no initial value")
        else:
            scope.accumulated = scope.item()
            scope.position = 1
        for _ in _each(scope, interpreter):
            scope.accumulated = interpreter.value(node.arguments[1])
        return scope.accumulated


LOOPS: Final[dict[str, Loop]] = {
    "all": _all,
    "any": _any,
    "none": _none,
    "one": _one,
    "filter": _filter,
    "map": _map,
    "count": _count,
    "sum": _sum,
    "groupBy": _group,
    "sortBy": _sort,
    "reduce": _reduce,
    "find": _found(backwards=False, position=False),
    "findIndex": _found(backwards=False, position=True),
    "findLast": _found(backwards=True, position=False),
    "findLastIndex": _found(backwards=True, position=True),
}

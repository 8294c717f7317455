"""Shortens loops: `filter(…)[0]` finds one item, `count(…) > 2` counts to three, `sum(1..n)` is a formula. Pure;
called by `rewriting`.

Each function is one pass over a whole tree, in the order of PASSES.
"""

from typing import Final

from tidegate_metrics_analyzer.expr.folding import literal
from tidegate_metrics_analyzer.expr.natures import Nature
from tidegate_metrics_analyzer.expr.tree import (
    Array,
    Binary,
    Builtin,
    Integer,
    Member,
    Node,
    Pointer,
    Predicate,
    children,
    fingerprint,
)
from tidegate_metrics_analyzer.expr.values import wrapped


def constant_range(node: Node) -> tuple[int, int] | None:
    if not (isinstance(node, Binary) and node.operator == ".."):
        return None
    if isinstance(node.left, Integer) and isinstance(node.right, Integer):
        return node.left.value, node.right.value
    return None


def in_place_of(old: Node, new: Node) -> Node:
    """Of the same type, as far as it is a type."""
    new.nature = Nature(old.nature.type or "any")
    return new


def _builtin(node: Node, name: str, arguments: int) -> Builtin | None:
    return node if isinstance(node, Builtin) and node.name == name and len(node.arguments) == arguments else None


def _map_of_filter(node: Node) -> Node:
    outer = _builtin(node, "map", 2)
    inner = outer.arguments[0] if outer else None
    if outer is None or not (isinstance(inner, Builtin) and inner.name == "filter" and inner.then is None):
        return node
    predicate = outer.arguments[1]
    if not isinstance(predicate, Predicate) or _asks_for_index(predicate):
        return node
    return in_place_of(node, Builtin("filter", inner.arguments, then=predicate.body))


def _asks_for_index(node: Node) -> bool:
    level = [node]
    while level:
        if any(isinstance(part, Pointer) and part.name == "index" for part in level):
            return True
        level = [child for part in level for child in children(part)]
    return False


def _length_of_filter(node: Node) -> Node:
    outer = _builtin(node, "len", 1)
    inner = _builtin(outer.arguments[0], "filter", 2) if outer else None
    return in_place_of(node, Builtin("count", inner.arguments)) if inner else node


def _one_of_filter(node: Node, position: int, end: str, found: str) -> Node:
    """By index, finding nothing is a fault; by `first` and `last` it is nil."""
    if isinstance(node, Member) and not node.optional and isinstance(node.key, Integer) and node.key.value == position:
        base, strict = node.base, True
    else:
        outer = _builtin(node, end, 1)
        if outer is None:
            return node
        base, strict = outer.arguments[0], False
    inner = _builtin(base, "filter", 2)
    if inner is None:
        return node
    return in_place_of(node, Builtin(found, inner.arguments, strict=strict, then=inner.then))


def _last_of_filter(node: Node) -> Node:
    return _one_of_filter(node, -1, "last", "findLast")


def _first_of_filter(node: Node) -> Node:
    return _one_of_filter(node, 0, "first", "find")


COMBINED: Final = {
    ("all", "and"): "and",
    ("all", "&&"): "&&",
    ("any", "or"): "or",
    ("any", "||"): "||",
    ("none", "and"): "or",
    ("none", "&&"): "||",
}


def _two_predicates(node: Node) -> Node:
    """`all(x, a) && all(x, b)` goes through x once."""
    if not (isinstance(node, Binary) and isinstance(node.left, Builtin) and isinstance(node.right, Builtin)):
        return node
    left, right = node.left, node.right
    operator = COMBINED.get((left.name, node.operator))
    if operator is None or right.name != left.name:
        return node
    one, other = left.arguments[0], right.arguments[0]
    if one.nature.type != other.nature.type or fingerprint(one) != fingerprint(other):
        return node
    first, second = left.arguments[1], right.arguments[1]
    assert isinstance(first, Predicate)
    assert isinstance(second, Predicate)
    body = _two_predicates(Binary(operator, first.body, second.body))
    return in_place_of(node, Builtin(left.name, [one, Predicate(body)]))


def _sum_of_range(node: Node) -> Node:
    if not (isinstance(node, Builtin) and node.name in ("sum", "reduce")):
        return node
    ends = constant_range(node.arguments[0])
    if ends is None or ends[1] < ends[0]:
        return node
    first, last = ends
    count = wrapped(last - first + 1)
    total = _halved(wrapped(count * wrapped(first + last)))
    found = _sum(node, total, count) if node.name == "sum" else _reduced(node, total)
    return node if found is None else literal(wrapped(found))


def _halved(value: int) -> int:
    return -(-value // 2) if value < 0 else value // 2


def _sum(node: Builtin, total: int, count: int) -> int | None:  # noqa: PLR0911 (one line for each form)
    if len(node.arguments) == 1:
        return total
    predicate = node.arguments[1]
    body = predicate.body if isinstance(predicate, Predicate) else predicate
    if isinstance(body, Pointer) and not body.name:
        return total
    if not isinstance(body, Binary):
        return None
    constant, pointer_left = _pointer_and_constant(body)
    if constant is None:
        return None
    match body.operator:
        case "*":
            return constant * total
        case "+":
            return total + count * constant
        case "-":
            return total - count * constant if pointer_left else count * constant - total
    return None


def _pointer_and_constant(body: Binary) -> tuple[int | None, bool]:
    for pointer, constant, pointer_left in ((body.left, body.right, True), (body.right, body.left, False)):
        if isinstance(pointer, Pointer) and not pointer.name and isinstance(constant, Integer):
            return constant.value, pointer_left
    return None, False


def _reduced(node: Builtin, total: int) -> int | None:
    predicate = node.arguments[1]
    body = predicate.body if isinstance(predicate, Predicate) else predicate
    if not (isinstance(body, Binary) and body.operator == "+"):
        return None
    sides = [side.name for side in (body.left, body.right) if isinstance(side, Pointer)]
    if sorted(sides) != ["", "acc"]:
        return None
    initial = node.arguments[2] if len(node.arguments) > 2 else Integer(0)  # noqa: PLR2004 (the third is where to begin)
    return initial.value + total if isinstance(initial, Integer) else None


def _sum_of_array(node: Node) -> Node:
    """`sum([a, b, c])` is `a + (b + c)`."""
    outer = _builtin(node, "sum", 1)
    array = outer.arguments[0] if outer else None
    if not isinstance(array, Array) or len(array.items) < len(("one", "other")):
        return node
    *others, total = array.items
    for item in reversed(others):
        total = Binary("+", item, total)
    return in_place_of(node, total)


def _sum_of_map(node: Node) -> Node:
    outer = _builtin(node, "sum", 1)
    inner = _builtin(outer.arguments[0], "map", 2) if outer else None
    return in_place_of(node, Builtin("sum", inner.arguments)) if inner else node


def _count_of_any(node: Node) -> Node:
    count = _builtin(node.left, "count", 2) if isinstance(node, Binary) else None
    if count is None or not (isinstance(node, Binary) and isinstance(node.right, Integer)):
        return node
    if (node.operator, node.right.value) not in ((">", 0), (">=", 1)):
        return node
    return in_place_of(node, Builtin("any", count.arguments))


def _count_of_enough(node: Node) -> Node:
    count = _builtin(node.left, "count", 2) if isinstance(node, Binary) else None
    if count is None or not (isinstance(node, Binary) and isinstance(node.right, Integer) and node.right.value >= 0):
        return node
    enough = {">": node.right.value + 1, "<=": node.right.value + 1, ">=": node.right.value, "<": node.right.value}
    if enough.get(node.operator, 0) > 1:
        count.enough = enough[node.operator]
    return node


PASSES: Final = (
    *(_map_of_filter, _length_of_filter, _last_of_filter, _first_of_filter, _two_predicates),
    *(_sum_of_range, _sum_of_array, _sum_of_map, _count_of_any, _count_of_enough),
)

"""Rewrites a checked tree as expr does before it computes it, in passes from the leaves up. Pure; called by
`expression`.

Elsewhere this would only be for speed. Here it decides what comes out: `x and false` is false without x being looked
at, `filter(…)[0]` stops at the first item found, `sum(1..n)` takes no memory, `x in ["a"]` refuses an x that is no
text. Conditions are written against that, so it is kept pass by pass: constants in `folding`, loops in `shortening`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tidegate_metrics_analyzer.expr import limits, shortening
from tidegate_metrics_analyzer.expr.faults import beyond
from tidegate_metrics_analyzer.expr.folding import Folding
from tidegate_metrics_analyzer.expr.natures import Nature
from tidegate_metrics_analyzer.expr.shortening import constant_range, in_place_of
from tidegate_metrics_analyzer.expr.tree import Array, Binary, Builtin, Constant, Integer, Node, Text
from tidegate_metrics_analyzer.expr.values import Table

FOLDS_MAX: Final = 1_000

Rewrite = Callable[[Node], Node]


def rewritten(tree: Node) -> Node:
    walk = _Walk()
    tree = walk.through(tree, _constant_set)
    for _ in range(FOLDS_MAX):
        folding = Folding()
        tree = walk.through(tree, folding.rewrite)
        if not folding.applied:
            break
    for rewrite in (_range_membership, *shortening.PASSES):
        tree = walk.through(tree, rewrite)
    return tree


@dataclass(slots=True)
class _Walk:
    """Bounded, because a node that a rewrite put in two places is walked twice."""

    visits: int = 0

    def through(self, node: Node, rewrite: Rewrite) -> Node:
        """Children first; what a pass made isn't walked again, nor is what `filter` does with the items it keeps."""
        self.visits += 1
        if self.visits > limits.STEPS_MAX:
            raise beyond(f"the expression takes more than {limits.STEPS_MAX} steps to prepare")
        for name in node.__slots__:
            part = getattr(node, name)
            if name == "then" and isinstance(node, Builtin):
                continue
            if isinstance(part, Node):
                setattr(node, name, self.through(part, rewrite))
            elif isinstance(part, list):
                part[:] = [self.through(item, rewrite) for item in part]
        return rewrite(node)


def _constant_set(node: Node) -> Node:
    """`x in ["a", "b"]` asks a map with texts for keys, which refuses keys of other types."""
    if not (isinstance(node, Binary) and node.operator == "in" and isinstance(node.right, Array) and node.right.items):
        return node
    items = node.right.items
    if node.left.nature.type == "int" and all(isinstance(item, Integer) for item in items):
        return in_place_of(node, Binary("in", node.left, _set("int", items)))
    if all(isinstance(item, Text) for item in items):
        return in_place_of(node, Binary("in", node.left, _set("string", items)))
    return node


def _set(key_type: str, items: list[Node]) -> Node:
    keys = [item.value for item in items if isinstance(item, Integer | Text)]
    constant = Constant(Table(key_type, {(key_type, key): None for key in keys}, "struct"))
    constant.nature = Nature(f"map[{key_type}]struct")
    return constant


def _range_membership(node: Node) -> Node:
    """`x in 1..3` of an int is `x >= 1 and x <= 3`."""
    if not (isinstance(node, Binary) and node.operator == "in" and node.left.nature.type == "int"):
        return node
    ends = constant_range(node.right)
    if ends is None:
        return node
    first, last = (Integer(end) for end in ends)
    return in_place_of(node, Binary("and", Binary(">=", node.left, first), Binary("<=", node.left, last)))

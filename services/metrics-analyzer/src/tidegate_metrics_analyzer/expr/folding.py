"""Computes what is constant: sums of literals, `true and x`, arrays of literals, a filter of a filter. Pure; called
by `rewriting`.
"""

from dataclasses import dataclass
from typing import Final

from tidegate_metrics_analyzer.expr import arithmetic
from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.natures import ANY_ARRAY, BOOL, FLOAT, INT, STRING, Nature
from tidegate_metrics_analyzer.expr.tree import (
    Array,
    Binary,
    Boolean,
    Builtin,
    Constant,
    Float,
    Integer,
    Node,
    Predicate,
    Text,
    Unary,
)
from tidegate_metrics_analyzer.expr.values import Slice, Value, wrapped

ANDS: Final = ("and", "&&")
ORS: Final = ("or", "||")


@dataclass(slots=True)
class Folding:
    """One pass; passes follow each other until one changes nothing."""

    applied: bool = False

    def rewrite(self, node: Node) -> Node:
        found = self._found(node)
        if found is None:
            return node
        self.applied = True
        return found

    def _found(self, node: Node) -> Node | None:
        match node:
            case Unary():
                return _unary(node)
            case Binary() if node.operator in (*ANDS, *ORS):
                return _logic(node)
            case Binary():
                return _binary(node.operator, node.left, node.right)
            case Array():
                return _array(node)
            case Builtin(name="filter"):
                return _filter(node)
        return None


def literal(value: Value) -> Node:
    """The node of a constant, with its nature."""
    made: Node
    nature: Nature
    if isinstance(value, bool):
        made, nature = Boolean(value), BOOL
    elif isinstance(value, int):
        made, nature = Integer(value), INT
    elif isinstance(value, float):
        made, nature = Float(value), FLOAT
    else:
        assert isinstance(value, str)
        made, nature = Text(value), STRING
    made.nature = nature
    return made


def _unary(node: Unary) -> Node | None:
    operand = node.operand
    if node.operator in ("+", "-") and isinstance(operand, Integer):
        return literal(wrapped(-operand.value if node.operator == "-" else operand.value))
    if node.operator in ("+", "-") and isinstance(operand, Float):
        return literal(-operand.value if node.operator == "-" else operand.value)
    if node.operator in ("!", "not") and isinstance(operand, Boolean):
        return literal(not operand.value)
    return None


def _logic(node: Binary) -> Node | None:
    """The side that decides nothing falls away; the side that decides everything stays alone."""
    neutral = node.operator in ANDS
    for constant, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(constant, Boolean) and constant.value is neutral:
            other.nature = Nature(node.nature.type or "any")
            return other
    if any(isinstance(side, Boolean) and side.value is not neutral for side in (node.left, node.right)):
        return literal(not neutral)
    return None


def _binary(operator: str, left: Node, right: Node) -> Node | None:
    if operator == "==" and type(left) is type(right) and isinstance(left, Integer | Text | Boolean):
        assert isinstance(right, Integer | Text | Boolean)
        return literal(left.value == right.value)
    if operator == "%" and isinstance(left, Integer) and isinstance(right, Integer):
        if right.value == 0:
            raise no_answer("integer divide by zero")
        return literal(arithmetic.remainder(left.value, right.value))
    if operator == "+" and isinstance(left, Text) and isinstance(right, Text):
        return literal(left.value + right.value)
    if isinstance(left, Integer | Float) and isinstance(right, Integer | Float):
        return _numbers(operator, left.value, right.value)
    return None


def _numbers(operator: str, left: float, right: float) -> Node | None:
    match operator:
        case "+":
            return literal(arithmetic.add(left, right, Budget(now=None)))
        case "-":
            return literal(arithmetic.subtract(left, right))
        case "*":
            return literal(arithmetic.multiply(left, right))
        case "/":
            return literal(arithmetic.divide(left, right))
        case "**" | "^":
            return literal(arithmetic.exponent(left, right))
    return None


def _array(node: Array) -> Node | None:
    values = [item.value for item in node.items if isinstance(item, Integer | Float | Text | Boolean)]
    if not node.items or len(values) != len(node.items):
        return None
    constant = Constant(Slice("any", values))
    constant.nature = ANY_ARRAY
    return constant


def _filter(node: Builtin) -> Node | None:
    inner, outer_predicate = node.arguments
    if not (isinstance(inner, Builtin) and inner.name == "filter"):
        return None
    assert isinstance(inner.arguments[1], Predicate)
    assert isinstance(outer_predicate, Predicate)
    both = Binary("&&", inner.arguments[1].body, outer_predicate.body)
    made = Builtin("filter", [inner.arguments[0], Predicate(both)])
    made.nature = Nature(node.nature.type or "any")
    return made

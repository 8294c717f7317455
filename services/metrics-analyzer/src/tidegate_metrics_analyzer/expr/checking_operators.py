"""Which operators are defined for which natures, and what comes out. Pure; called by `checker`."""

from collections.abc import Callable
from typing import Final

from tidegate_metrics_analyzer.expr.checking import Checking
from tidegate_metrics_analyzer.expr.faults import mismatch
from tidegate_metrics_analyzer.expr.natures import (
    BOOL,
    DURATION,
    FLOAT,
    INT,
    NIL,
    STRING,
    TIME,
    UNKNOWN,
    Nature,
    array_of,
    promoted,
)
from tidegate_metrics_analyzer.expr.patterns import pattern
from tidegate_metrics_analyzer.expr.tree import Binary, Text, Unary

Rule = Callable[[Nature, Nature], Nature | None]


def unary(checking: Checking, node: Unary) -> Nature:
    operand = checking.visit(node.operand)
    if node.operator in ("!", "not") and (operand.type == "bool" or operand.is_unknown):
        return BOOL
    if node.operator in ("+", "-") and operand.is_number:
        return operand
    if node.operator in ("+", "-") and operand.is_unknown:
        return UNKNOWN
    raise mismatch(f"invalid operation: {node.operator} (mismatched type {operand})")


def binary(checking: Checking, node: Binary) -> Nature:
    left = checking.visit(node.left)
    right = checking.visit(node.right)
    if node.operator == "matches" and isinstance(node.right, Text):
        pattern(node.right.value)
    found = RULES[node.operator](left, right)
    if found is None:
        raise mismatch(f"invalid operation: {node.operator} (mismatched types {left} and {right})")
    return found


def _types(left: Nature, right: Nature, *pairs: tuple[str, str]) -> bool:
    return (left.type, right.type) in pairs


def _equality(left: Nature, right: Nature) -> Nature | None:
    return BOOL if left.comparable_to(right) else None


def _logic(left: Nature, right: Nature) -> Nature | None:
    return BOOL if _types(left, right, ("bool", "bool")) or left.maybe(right, "bool") else None


def _order(left: Nature, right: Nature) -> Nature | None:
    if left.is_number and right.is_number:
        return BOOL
    if _types(left, right, ("string", "string"), ("time", "time"), ("duration", "duration")):
        return BOOL
    return BOOL if left.maybe(right, "number", "string", "time", "duration") else None


def _minus(left: Nature, right: Nature) -> Nature | None:
    if left.is_number and right.is_number:
        return promoted(left, right)
    if _types(left, right, ("time", "time"), ("duration", "duration")):
        return DURATION
    if _types(left, right, ("time", "duration")):
        return TIME
    return UNKNOWN if left.maybe(right, "number", "time", "duration") else None


def _times(left: Nature, right: Nature) -> Nature | None:
    if left.is_number and right.is_number:
        return promoted(left, right)
    if left.is_any_of("number", "duration") and right.is_any_of("number", "duration"):
        return DURATION
    return UNKNOWN if left.maybe(right, "number", "duration") else None


def _ratio(left: Nature, right: Nature) -> Nature | None:
    return FLOAT if (left.is_number and right.is_number) or left.maybe(right, "number") else None


def _remainder(left: Nature, right: Nature) -> Nature | None:
    return INT if (left.is_integer and right.is_integer) or left.maybe(right, "integer") else None


def _plus(left: Nature, right: Nature) -> Nature | None:
    if left.is_number and right.is_number:
        return promoted(left, right)
    if _types(left, right, ("string", "string")):
        return STRING
    if _types(left, right, ("time", "duration"), ("duration", "time")):
        return TIME
    if _types(left, right, ("duration", "duration")):
        return DURATION
    return UNKNOWN if left.maybe(right, "number", "string", "time", "duration") else None


def _in(left: Nature, right: Nature) -> Nature | None:
    if right.type == "time" and (left.type == "string" or left.is_unknown):
        return BOOL
    if right.is_map:
        return BOOL if left.is_unknown or left.assignable_to(right.key) else None
    if right.is_array:
        return BOOL if left.comparable_to(right.element) else None
    if left.is_unknown and right.type == "string":
        return BOOL
    return BOOL if right.is_unknown else None


def _matches(left: Nature, right: Nature) -> Nature | None:
    if left.type in ("string", "[]uint8") and right.type == "string":
        return BOOL
    return BOOL if left.maybe(right, "string") else None


def _text(left: Nature, right: Nature) -> Nature | None:
    return BOOL if _types(left, right, ("string", "string")) or left.maybe(right, "string") else None


def _range(left: Nature, right: Nature) -> Nature | None:
    fits = (left.is_integer and right.is_integer) or left.maybe(right, "integer")
    return array_of(INT) if fits else None


def _coalesced(left: Nature, right: Nature) -> Nature | None:
    if left.nil and right.nil:
        return NIL
    if left.nil or right.nil:
        return right if left.nil else left
    return left if right.assignable_to(left) else UNKNOWN


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("==", "!="), _equality),
    **dict.fromkeys(("or", "||", "and", "&&"), _logic),
    **dict.fromkeys(("<", ">", "<=", ">="), _order),
    **dict.fromkeys(("/", "**", "^"), _ratio),
    **dict.fromkeys(("contains", "startsWith", "endsWith"), _text),
    "-": _minus,
    "*": _times,
    "%": _remainder,
    "+": _plus,
    "in": _in,
    "matches": _matches,
    "..": _range,
    "??": _coalesced,
}

"""Finds what each node of a tree is before anything is computed, and refuses what can't be, as expr v1.17 does. Pure.

Called by `expression` with the natures of the environment, which depend on the live result. Operators are judged in
`checking_operators`, calls of functions in `checking_calls`, those with predicates in `checking_predicates`.

What expr doesn't look at, isn't looked at here: the arguments of a call of something unknown, the ends of a slice of
it.
"""

from collections.abc import Mapping

from tidegate_metrics_analyzer.expr import natures
from tidegate_metrics_analyzer.expr.checking import Checking
from tidegate_metrics_analyzer.expr.checking_calls import call, get, matched_overload, validated
from tidegate_metrics_analyzer.expr.checking_operators import binary, unary
from tidegate_metrics_analyzer.expr.checking_predicates import pointer, with_predicate
from tidegate_metrics_analyzer.expr.faults import mismatch, unknown_name
from tidegate_metrics_analyzer.expr.methods import METHODS
from tidegate_metrics_analyzer.expr.natures import ANY_ARRAY, ANY_MAP, NIL, UNKNOWN, Nature, array_of
from tidegate_metrics_analyzer.expr.signatures import BUILTINS, OVERLOADS, PREDICATES
from tidegate_metrics_analyzer.expr.tree import (
    Array,
    Binary,
    Boolean,
    Builtin,
    Bytes,
    Call,
    Chain,
    Conditional,
    Cut,
    Declaration,
    Float,
    Integer,
    Map,
    Member,
    Name,
    Nil,
    Node,
    Pointer,
    Sequence,
    Text,
    Unary,
)

LITERALS: Mapping[type[Node], Nature] = {
    Nil: NIL,
    Integer: natures.INT,
    Float: natures.FLOAT,
    Boolean: natures.BOOL,
    Text: natures.STRING,
    Bytes: Nature("[]uint8"),
}
WHOLE_ENVIRONMENT = "$env"


class Checker(Checking):
    def visit(self, node: Node) -> Nature:
        node.nature = self._nature(node)
        return node.nature

    def _nature(self, node: Node) -> Nature:  # noqa: C901, PLR0911, PLR0912 (one line for each node)
        literal = LITERALS.get(type(node))
        if literal is not None:
            return literal
        match node:
            case Name():
                return self._name(node)
            case Unary():
                return unary(self, node)
            case Binary():
                return binary(self, node)
            case Chain():
                return self.visit(node.inner)
            case Member():
                return self._member(node)
            case Cut():
                return self._cut(node)
            case Call():
                return call(self, node)
            case Builtin():
                return self._builtin(node)
            case Pointer():
                return pointer(self, node)
            case Declaration():
                return self._declaration(node)
            case Sequence():
                return [self.visit(part) for part in node.nodes][-1]
            case Conditional():
                return self._conditional(node)
            case Array():
                return self._array(node)
            case Map():
                return self._map(node)
        raise AssertionError(f"{type(node).__name__} is no node of a parsed tree")

    def _name(self, node: Name) -> Nature:
        for name, nature in reversed(self.variables):
            if name == node.name:
                return nature
        if node.name == WHOLE_ENVIRONMENT:
            return UNKNOWN
        return self.environment_name(node.name, strict=True, builtins=True)

    def environment_name(self, name: str, *, strict: bool, builtins: bool) -> Nature:
        known = self.environment.get(name)
        if known is not None:
            return known
        if builtins and name in BUILTINS:
            return Nature("func(builtin)", builtin=name)
        if strict:
            raise unknown_name(f"unknown name {name}")
        return UNKNOWN

    def _member(self, node: Member) -> Nature:
        if isinstance(node.base, Name) and node.base.name == WHOLE_ENVIRONMENT:
            if isinstance(node.key, Text):
                return self.environment_name(node.key.value, strict=not node.optional, builtins=False)
            return UNKNOWN
        base = self.visit(node.base)
        key = self.visit(node.key)
        if base.is_unknown:
            return UNKNOWN
        if isinstance(node.key, Text):
            if base.nil:
                raise mismatch(f"type nil has no field {node.key.value}")
            method = METHODS.get((base.type or "", node.key.value))
            if method is not None:
                return method.nature
        return _within(base, key, node)

    def _cut(self, node: Cut) -> Nature:
        base = self.visit(node.base)
        if base.is_unknown:
            return UNKNOWN
        if not (base.is_array or base.type == "string"):
            raise mismatch(f"cannot slice {base}")
        for end in (node.start, node.end):
            nature = self.visit(end) if end is not None else natures.INT
            if not (nature.is_integer or nature.is_unknown):
                raise mismatch(f"non-integer slice index {nature}")
        return base

    def _builtin(self, node: Builtin) -> Nature:
        if node.name in PREDICATES:
            return with_predicate(self, node)
        if node.name == "get":
            return get(self, node)
        if node.name in OVERLOADS:
            return matched_overload(self, node.name, OVERLOADS[node.name], node.arguments)
        return validated(self, node)

    def _declaration(self, node: Declaration) -> Nature:
        taken = node.name in self.environment or node.name in BUILTINS
        if taken or any(name == node.name for name, _ in self.variables):
            raise unknown_name(f"cannot redeclare {node.name}")
        self.variables.append((node.name, self.visit(node.value)))
        nature = self.visit(node.body)
        self.variables.pop()
        return nature

    def _conditional(self, node: Conditional) -> Nature:
        condition = self.visit(node.condition)
        if not (condition.type == "bool" or condition.is_unknown):
            raise mismatch(f"non-bool expression (type {condition}) used as condition")
        return _either(self.visit(node.then), self.visit(node.otherwise))

    def _array(self, node: Array) -> Nature:
        items = [self.visit(item) for item in node.items]
        if len({item.kind for item in items}) > 1:
            return ANY_ARRAY
        return array_of(items[-1] if items else UNKNOWN)

    def _map(self, node: Map) -> Nature:
        for pair in node.pairs:
            self.visit(pair.key)
            self.visit(pair.value)
            pair.nature = NIL
        return ANY_MAP


def _within(base: Nature, key: Nature, node: Member) -> Nature:
    if base.is_map:
        if not (key.assignable_to(base.key) or key.is_unknown):
            raise mismatch(f"cannot use {key} to get an element from {base}")
        return base.element
    if base.is_array:
        if not (key.is_integer or key.is_unknown):
            raise mismatch(f"array elements can only be selected using an integer (got {key})")
        return base.element
    shown = node.key.value if isinstance(node.key, Text) else key
    raise mismatch(f"type {base} has no {'method' if node.method else 'field'} {shown}")


def _either(then: Nature, otherwise: Nature) -> Nature:
    if then.nil or otherwise.nil:
        return otherwise if then.nil else then
    if not then.assignable_to(otherwise):
        return UNKNOWN
    if then.is_array and otherwise.is_array:
        one, other = then.element, otherwise.element
        if not (one.assignable_to(other) and other.assignable_to(one)):
            return ANY_ARRAY
    return then

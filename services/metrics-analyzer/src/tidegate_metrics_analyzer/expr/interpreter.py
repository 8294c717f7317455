"""Computes a checked and rewritten tree, node by node. Pure; called by `expression`, goes on in `looping` and the
functions.

It is expr's virtual machine without the code in between: operands from the left, `and`, `or` and `??` only as far as
needed, and each operator on whatever the values turn out to be. Nothing of Python's is reachable from here but the
closed set of `values`.
"""

from collections.abc import Mapping
from typing import Final, cast

from tidegate_metrics_analyzer.expr import arithmetic
from tidegate_metrics_analyzer.expr.access import contained, cut, fetch, length_in_bytes
from tidegate_metrics_analyzer.expr.arithmetic import as_integer
from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.equality import compare, equal
from tidegate_metrics_analyzer.expr.faults import mismatch, unknown_name
from tidegate_metrics_analyzer.expr.functions import called
from tidegate_metrics_analyzer.expr.looping import LOOPS, Scope
from tidegate_metrics_analyzer.expr.patterns import PATTERN_STEPS, text_operation
from tidegate_metrics_analyzer.expr.signatures import PREDICATES
from tidegate_metrics_analyzer.expr.tree import (
    Array,
    Binary,
    Boolean,
    Builtin,
    Bytes,
    Call,
    Chain,
    Conditional,
    Constant,
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
    Predicate,
    Sequence,
    Text,
    Unary,
)
from tidegate_metrics_analyzer.expr.values import Function, Slice, Value, is_nil, table_of, type_of

SIMPLE_TYPES: Final = ("int", "string")
TEXT_PER_STEP: Final = 100
ITEMS_PER_STEP: Final = 10


class _ChainEnds(Exception):  # noqa: N818 (it is no error)
    """`?.` met nil: the chain around it is nil."""


class Interpreter:
    def __init__(self, environment: Mapping[str, Value], budget: Budget) -> None:
        self.budget = budget
        self.scopes: list[Scope] = []
        self._environment = environment
        self._variables: list[tuple[str, Value]] = []
        self._chains = 0

    def value(self, node: Node) -> Value:  # noqa: C901, PLR0911, PLR0912 (one line for each node)
        self.budget.step()
        match node:
            case Integer() | Float() | Boolean() | Text() | Constant():
                return node.value
            case Name():
                return self._name(node.name)
            case Binary():
                return self._binary(node)
            case Member():
                return self._member(node)
            case Builtin():
                return self._builtin(node)
            case Pointer():
                return self._pointer(node)
            case Predicate():
                return self.value(node.body)
            case Unary():
                return self._unary(node)
            case Call():
                return self._call(node)
            case Chain():
                return self._chain(node)
            case Conditional():
                return self.value(node.then if self.truth(node.condition) else node.otherwise)
            case Cut():
                return self._cut(node)
            case Array():
                return self._array(node)
            case Map():
                return self._map(node)
            case Declaration():
                return self._declaration(node)
            case Sequence():
                return [self.value(part) for part in node.nodes][-1]
            case Bytes():
                return Slice("uint8", node.value)
            case Nil():
                return None
        raise AssertionError(f"{type(node).__name__} is no node of a checked tree")

    def truth(self, node: Node) -> bool:
        return truth(self.value(node))

    def _name(self, name: str) -> Value:
        for declared, value in reversed(self._variables):
            if declared == name:
                return value
        return table_of(dict(self._environment)) if name == "$env" else self._environment.get(name)

    def _pointer(self, node: Pointer) -> Value:
        scope = self.scopes[-1]
        match node.name:
            case "":
                return scope.item()
            case "index":
                return scope.position
            case "acc":
                return scope.accumulated
        raise unknown_name(f"unknown pointer #{node.name}")

    def _unary(self, node: Unary) -> Value:
        operand = self.value(node.operand)
        if node.operator in ("!", "not"):
            return not truth(operand)
        return arithmetic.negate(operand) if node.operator == "-" else operand

    def _binary(self, node: Binary) -> Value:
        match node.operator:
            case "and" | "&&":
                left = self.value(node.left)
                return self.value(node.right) if truth(left) else left
            case "or" | "||":
                left = self.value(node.left)
                return left if truth(left) else self.value(node.right)
            case "??":
                left = self.value(node.left)
                return self.value(node.right) if is_nil(left) else left
            case "==":
                return self._equality(node)
            case "!=":
                return not self._equality(node)
            case "matches" if not isinstance(node.right, Text):
                self.budget.step(PATTERN_STEPS)
        return self._operation(node.operator, self.value(node.left), self.value(node.right))

    def _operation(self, operator: str, left: Value, right: Value) -> Value:  # noqa: PLR0911 (one for each operator)
        self._charge(left, right)
        match operator:
            case "<" | ">" | "<=" | ">=":
                return compare(operator, left, right)
            case "+":
                return arithmetic.add(left, right, self.budget)
            case "-":
                return arithmetic.subtract(left, right)
            case "*":
                return arithmetic.multiply(left, right)
            case "/":
                return arithmetic.divide(left, right)
            case "%":
                return arithmetic.remainder(left, right)
            case "in":
                return contained(left, right, self.budget)
            case "..":
                return self._range(left, right)
            case "**" | "^":
                return arithmetic.exponent(left, right)
        return text_operation(operator, left, right, self.budget)

    def _equality(self, node: Binary) -> bool:
        """Where both are known to be ints, or texts, expr takes them for what they should be."""
        left, right = self.value(node.left), self.value(node.right)
        known = node.left.nature.type
        if known in SIMPLE_TYPES and node.right.nature.type == known:
            for value in (left, right):
                if type_of(value) != known:
                    raise mismatch(f"interface conversion: {type_of(value)} is not {known}")
        return equal(left, right, self.budget)

    def _charge(self, *values: Value) -> None:
        """A text is gone through as a whole, and an array that is cut is copied; a step is a part of that."""
        for value in values:
            if isinstance(value, str):
                self.budget.step(len(value) // TEXT_PER_STEP)

    def _range(self, left: Value, right: Value) -> Value:
        first, last = as_integer(left), as_integer(right)
        self.budget.grow(max(last - first + 1, 0))
        return Slice("int", range(first, max(last + 1, first)))

    def _member(self, node: Member) -> Value:
        base = self.value(node.base)
        self._charge(base)
        if node.optional and self._chains and is_nil(base):
            raise _ChainEnds
        return fetch(base, self.value(node.key))

    def _chain(self, node: Chain) -> Value:
        self._chains += 1
        try:
            value = self.value(node.inner)
        except _ChainEnds:
            return None
        finally:
            self._chains -= 1
        return None if is_nil(value) else value

    def _cut(self, node: Cut) -> Value:
        base = self.value(node.base)
        end = length_in_bytes(base) if node.end is None else self.value(node.end)
        start = 0 if node.start is None else self.value(node.start)
        self._charge(base)
        made = cut(base, start, end)
        if isinstance(made, str):
            return self.budget.text(made)
        self.budget.step(len(made.items) // ITEMS_PER_STEP)
        return made

    def _array(self, node: Array) -> Value:
        items = [self.value(item) for item in node.items]
        self.budget.grow(len(items))
        return Slice("any", items)

    def _map(self, node: Map) -> Value:
        pairs = [(self.value(pair.key), self.value(pair.value)) for pair in node.pairs]
        self.budget.grow(len(pairs))
        entries: dict[str, Value] = {}
        for key, value in reversed(pairs):
            if not isinstance(key, str):
                raise mismatch(f"interface conversion: {type_of(key)} is not string")
            entries[key] = value
        return table_of(entries)

    def _declaration(self, node: Declaration) -> Value:
        self._variables.append((node.name, self.value(node.value)))
        try:
            return self.value(node.body)
        finally:
            self._variables.pop()

    def _call(self, node: Call) -> Value:
        arguments = [self.value(argument) for argument in node.arguments]
        callee = self.value(node.callee)
        if not isinstance(callee, Function):
            raise mismatch(f"invalid operation: cannot call {type_of(callee)}")
        return callee.call(*_accepted(callee, arguments, known=node.callee.nature.function is not None))

    def _builtin(self, node: Builtin) -> Value:
        if node.name in PREDICATES:
            return LOOPS[node.name](self, node)
        arguments = [self.value(argument) for argument in node.arguments]
        self._charge(*arguments)
        return called(node.name, arguments, self.budget)


def truth(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    raise mismatch(f"interface conversion: {type_of(value)} is not bool")


def _accepted(function: Function, arguments: list[Value], *, known: bool) -> tuple[Value, Value]:
    """Called by a way that no check went before, a function takes nil for whatever its parameter's zero is."""
    if len(arguments) != len(function.parameters):
        raise mismatch(f"invalid number of arguments: expected {len(function.parameters)}, got {len(arguments)}")
    accepted: list[Value] = []
    for parameter, argument in zip(function.parameters, arguments, strict=True):
        offered = 0.0 if argument is None and parameter == "float64" and not known else argument
        if parameter not in ("any", type_of(offered)):
            raise mismatch(f"using {type_of(argument)} as {parameter} in a call of {function.name}")
        accepted.append(offered)
    return cast("tuple[Value, Value]", (*accepted, None, None)[:2])

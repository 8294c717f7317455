"""An expression and the two ways to ask it: whether it holds for a measured result, and what it comes to. Pure.

Called with the conditions of an analysis. A text is read once; checked and rewritten once for each type of result,
because expr judges an expression against the live result's type; and computed for each result. Whatever happens is a
value or a `Fault`: nothing is raised.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.checker import Checker
from tidegate_metrics_analyzer.expr.conversion import from_json, to_json
from tidegate_metrics_analyzer.expr.environment import nature_of, of_condition, of_moment
from tidegate_metrics_analyzer.expr.faults import Fault, Refused, beyond, mismatch
from tidegate_metrics_analyzer.expr.interpreter import Interpreter
from tidegate_metrics_analyzer.expr.parser import parsed
from tidegate_metrics_analyzer.expr.rewriting import rewritten
from tidegate_metrics_analyzer.expr.tree import Node
from tidegate_metrics_analyzer.expr.values import Moment, Value, type_of
from tidegate_metrics_analyzer.expr.words import words_of

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Expression:
    text: str
    _unused: list[Node] = field(default_factory=list, repr=False, compare=False)
    """The tree that reading the text made, until a type of result takes it."""
    _trees: dict[str, Node | Fault] = field(default_factory=dict, repr=False, compare=False)

    def holds(self, result: Any, *, now: datetime | None = None, whole_result_asked: bool = True) -> bool | Fault:
        """Whether the condition is true of the result; anything but a boolean is a fault."""

        def answer() -> bool:
            environment = of_condition(from_json(result), whole_result_asked=whole_result_asked)
            value = self.value(environment, now)
            if not isinstance(value, bool):
                raise mismatch(f"expected bool, but got {type_of(value)}")
            return value

        return _answered(answer)

    def evaluate(self, result: Any, *, now: datetime | None = None) -> Any | Fault:
        """What the expression comes to, as JSON has it."""
        return _answered(lambda: to_json(self.value(of_condition(from_json(result)), now), Budget(None)))

    def moment(self, now: datetime) -> datetime | Fault:
        """The time that it comes to without any result, such as `now() - duration("5m")`."""

        def answer() -> datetime:
            value = self.value(of_moment(), now)
            if not isinstance(value, Moment):
                raise mismatch(f"expected time, but got {type_of(value)}")
            return value.at

        return _answered(answer)

    def words(self) -> frozenset[str]:
        """What it calls and how it asks of nothing, as `words` has it; none where the text is no expression."""
        found = _answered(lambda: frozenset(words_of(parsed(self.text))))
        return frozenset() if isinstance(found, Fault) else found

    def value(self, environment: Mapping[str, Value], now: datetime | None) -> Value:
        """The value with its type; raises `Refused`."""
        known = type_of(environment["result"]) if "result" in environment else ""
        if known not in self._trees:
            self._trees[known] = _answered(lambda: self._prepared(environment))
        tree = self._trees[known]
        if isinstance(tree, Fault):
            raise Refused(tree.kind, tree.message)
        return Interpreter(environment, Budget(now)).value(tree)

    def _prepared(self, environment: Mapping[str, Value]) -> Node:
        tree = self._unused.pop() if self._unused else parsed(self.text)
        Checker({name: nature_of(value) for name, value in environment.items()}).visit(tree)
        return rewritten(tree)


def compile_expression(text: str) -> Expression | Fault:
    """The expression of a text; a fault where it is none, or is too large. What else is wrong shows with a result."""
    return _answered(lambda: Expression(text, [parsed(text)]))


def _answered(answer: Callable[[], Answer]) -> Answer | Fault:
    try:
        return answer()
    except Refused as refused:
        return refused.fault
    except RecursionError:  # an expression can nest a value as deep as it likes: reduce(1..n, [#acc], 0)
        return beyond("a value nests too deep").fault

"""A place in a list of tokens, and the measure of the tree that is made of them. Pure; the floor of `operands` and
`parser`.
"""

from typing import TypeVar

from tidegate_metrics_analyzer.expr import limits
from tidegate_metrics_analyzer.expr.faults import Refused, beyond, syntax
from tidegate_metrics_analyzer.expr.tokens import Kind, Token
from tidegate_metrics_analyzer.expr.tree import Node, children

Made = TypeVar("Made", bound=Node)


class Cursor:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._measures: dict[int, tuple[int, int]] = {}
        self._level = 0

    @property
    def kind(self) -> Kind:
        return self._tokens[self._position].kind

    @property
    def text(self) -> str:
        return self._tokens[self._position].text

    @property
    def following(self) -> Token:
        return self._tokens[min(self._position + 1, len(self._tokens) - 1)]

    def at(self, kind: Kind, text: str) -> bool:
        return self.kind is kind and self.text == text

    def advance(self) -> Token:
        token = self._tokens[self._position]
        if token.kind is Kind.END:
            raise syntax("unexpected end of expression")
        self._position += 1
        return token

    def take_if(self, kind: Kind, text: str) -> bool:
        found = self.at(kind, text)
        if found:
            self.advance()
        return found

    def expect(self, kind: Kind, text: str | None = None) -> str:
        if self.kind is not kind or (text is not None and self.text != text):
            raise self.unexpected()
        return self.advance().text

    def unexpected(self) -> Refused:
        return syntax(f"unexpected token {self._tokens[self._position]}")

    def made(self, node: Made) -> Made:
        """Every node goes through here. One that stands in two places, as `b` does in `a < b < c`, counts twice."""
        below = [self._measures[id(child)] for child in children(node)]
        levels = 1 + max((level for level, _ in below), default=0)
        nodes = 1 + sum(count for _, count in below)
        if levels > limits.NESTING_LEVELS_MAX:
            raise beyond(f"the expression nests deeper than {limits.NESTING_LEVELS_MAX} levels")
        if nodes > limits.NODES_MAX:
            raise beyond("expression exceeds maximum allowed nodes")
        self._measures[id(node)] = levels, nodes
        return node

    def deeper(self) -> None:
        self._level += 1
        if self._level > limits.NESTING_LEVELS_MAX:
            raise beyond(f"the expression nests deeper than {limits.NESTING_LEVELS_MAX} levels")

    def back(self) -> None:
        self._level -= 1

"""Reads what operators stand between: literals, names, calls, members, slices, predicates. Pure; the lower half of
`parser`.
"""

from abc import ABC, abstractmethod
from typing import Final

from tidegate_metrics_analyzer.expr.cursor import Cursor
from tidegate_metrics_analyzer.expr.faults import syntax
from tidegate_metrics_analyzer.expr.literals import number
from tidegate_metrics_analyzer.expr.signatures import BUILTINS, PREDICATES
from tidegate_metrics_analyzer.expr.tokens import Kind, Token, is_name
from tidegate_metrics_analyzer.expr.tree import (
    Array,
    Boolean,
    Builtin,
    Bytes,
    Call,
    Chain,
    Cut,
    Map,
    Member,
    Name,
    Nil,
    Node,
    Pair,
    Pointer,
    Predicate,
    Text,
    Unary,
)

UNARY_PRECEDENCES: Final = {"not": 50, "!": 50, "-": 90, "+": 90}
CONSTANTS: Final = ("true", "false", "nil")


class Operands(Cursor, ABC):
    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._predicates = 0

    @abstractmethod
    def sequence(self) -> Node: ...

    @abstractmethod
    def expression(self, precedence: int = 0) -> Node: ...

    def primary(self) -> Node:
        if self.kind is Kind.SIGN and self.text in UNARY_PRECEDENCES:
            operator = self.advance().text
            operand = self.expression(UNARY_PRECEDENCES[operator])
            return self.postfix(self.made(Unary(operator, operand)))
        if self.take_if(Kind.BRACKET, "("):
            node = self.sequence()
            self.expect(Kind.BRACKET, ")")
            return self.postfix(node)
        if self._predicates and self.kind is Kind.SIGN and self.text in ("#", "."):
            return self.postfix(self._pointer())
        if self.take_if(Kind.SIGN, "::"):
            return self.postfix(self.call(self.expect(Kind.WORD), []))
        return self._secondary()

    def _pointer(self) -> Node:
        name = ""
        if self.take_if(Kind.SIGN, "#") and self.kind is Kind.WORD:
            name = self.advance().text
        return self.made(Pointer(name))

    def _secondary(self) -> Node:
        if self.kind is Kind.WORD and self.text in CONSTANTS:
            word = self.advance().text
            return self.made(Nil() if word == "nil" else Boolean(word == "true"))
        if self.kind is Kind.NUMBER:
            return self.made(number(self.advance().text))
        return self.postfix(self._attachable())

    def _attachable(self) -> Node:
        """What members, calls and slices may follow."""
        if self.kind is Kind.WORD:
            name = self.advance().text
            return self.call(name, []) if self.at(Kind.BRACKET, "(") else self.made(Name(name))
        if self.kind is Kind.TEXT:
            return self.made(Text(self.advance().text))
        if self.kind is Kind.BYTES:
            return self.made(Bytes(self.advance().text.encode("latin-1")))
        if self.take_if(Kind.BRACKET, "["):
            return self.made(Array(self._listed("]")))
        if self.take_if(Kind.BRACKET, "{"):
            return self._map()
        raise self.unexpected()

    def _listed(self, closing: str) -> list[Node]:
        """Expressions between commas, with one more comma allowed at the end."""
        nodes: list[Node] = []
        while not self.at(Kind.BRACKET, closing):
            if nodes:
                self.expect(Kind.SIGN, ",")
                if self.at(Kind.BRACKET, closing):
                    break
            nodes.append(self.expression())
        self.advance()
        return nodes

    def _map(self) -> Node:
        pairs: list[Pair] = []
        while not self.at(Kind.BRACKET, "}"):
            if pairs:
                self.expect(Kind.SIGN, ",")
                if self.at(Kind.BRACKET, "}"):
                    break
            key = self._key()
            self.expect(Kind.SIGN, ":")
            pairs.append(self.made(Pair(key, self.expression())))
        self.advance()
        return self.made(Map(pairs))

    def _key(self) -> Node:
        if self.kind in (Kind.NUMBER, Kind.TEXT, Kind.WORD):
            return self.made(Text(self.advance().text))
        if self.at(Kind.BRACKET, "("):
            return self.expression()
        raise syntax("a map key must be a quoted string, a number, a name, or an expression in parentheses")

    def call(self, name: str, arguments: list[Node]) -> Node:
        """A call by name; what a pipe leads into it comes as the first argument."""
        if name in PREDICATES:
            return self._predicate_call(name, arguments)
        self.expect(Kind.BRACKET, "(")
        offered = [*arguments, *self._arguments()]
        if name in BUILTINS:
            return self.made(Builtin(name, offered))
        return self.made(Call(self.made(Name(name)), offered))

    def _arguments(self) -> list[Node]:
        return self._listed(")")

    def _predicate_call(self, name: str, arguments: list[Node]) -> Node:
        self.expect(Kind.BRACKET, "(")
        for position, (parameter, optional) in enumerate(PREDICATES[name][len(arguments) :]):
            if self.at(Kind.BRACKET, ")"):
                if optional:
                    break
                raise syntax(f"not enough arguments of {name}")
            if position:
                self.expect(Kind.SIGN, ",")
            arguments = [*arguments, self._predicate() if parameter == "predicate" else self.expression()]
        self.take_if(Kind.SIGN, ",")
        self.expect(Kind.BRACKET, ")")
        return self.made(Builtin(name, arguments))

    def _predicate(self) -> Node:
        bracketed = self.take_if(Kind.BRACKET, "{")
        self._predicates += 1
        node = self.sequence() if bracketed else self.expression()
        if not bracketed and self.at(Kind.SIGN, ";"):
            raise syntax("wrap predicate with brackets { and }")
        self._predicates -= 1
        if bracketed:
            self.expect(Kind.BRACKET, "}")
        return self.made(Predicate(node))

    def postfix(self, node: Node) -> Node:
        while True:
            if self.at(Kind.SIGN, ".") or self.at(Kind.SIGN, "?."):
                node = self._member(node)
            elif self.at(Kind.BRACKET, "["):
                self.advance()
                node = self._indexed(node, optional=False)
            else:
                return node

    def _member(self, node: Node) -> Node:
        optional = self.advance().text == "?."
        if optional and self.take_if(Kind.BRACKET, "["):
            return self._indexed(node, optional=True)
        token = self.advance()
        if token.kind is not Kind.WORD and not (token.kind is Kind.SIGN and is_name(token.text)):
            raise syntax("expected name")
        chained = isinstance(node, Chain)
        base = node.inner if isinstance(node, Chain) else node
        member = self.made(Member(base, self.made(Text(token.text)), optional=optional))
        found: Node = member
        if self.take_if(Kind.BRACKET, "("):
            member.method = True
            found = self.made(Call(member, self._arguments()))
        return self.made(Chain(found)) if chained or optional else found

    def _indexed(self, node: Node, *, optional: bool) -> Node:
        if self.take_if(Kind.SIGN, ":"):
            return self._cut(node, None)
        start = self.expression()
        if self.take_if(Kind.SIGN, ":"):
            return self._cut(node, start)
        self.expect(Kind.BRACKET, "]")
        found: Node = self.made(Member(node, start, optional=optional))
        return self.made(Chain(found)) if optional else found

    def _cut(self, node: Node, start: Node | None) -> Node:
        end = None if self.at(Kind.BRACKET, "]") else self.expression()
        self.expect(Kind.BRACKET, "]")
        return self.made(Cut(node, start, end))

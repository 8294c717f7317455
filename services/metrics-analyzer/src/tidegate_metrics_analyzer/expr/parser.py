"""Reads tokens into a tree by precedence, as the parser of expr v1.17 does. Pure; called by `expression` for a text.

Operands and what is attached to them (calls, members, slices) are read in `operands`. Whatever can't be read is a
syntax fault; a tree that is too large or too deep is a fault of limit, so that everything after may recurse.
"""

from typing import Final

from tidegate_metrics_analyzer.expr import limits
from tidegate_metrics_analyzer.expr.faults import beyond, syntax
from tidegate_metrics_analyzer.expr.operands import Operands
from tidegate_metrics_analyzer.expr.tokens import Kind, tokens_of
from tidegate_metrics_analyzer.expr.tree import Binary, Conditional, Declaration, Node, Sequence, Unary
from tidegate_metrics_analyzer.expr.values import SURROGATE

PRECEDENCES: Final = {
    "|": 0,
    "or": 10,
    "||": 10,
    "and": 15,
    "&&": 15,
    **dict.fromkeys(("==", "!=", "<", ">", ">=", "<=", "in", "matches", "contains", "startsWith", "endsWith"), 20),
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
RIGHT_TO_LEFT: Final = frozenset({"**", "^"})
COMPARISONS: Final = frozenset({"<", ">", ">=", "<="})
AFTER_NOT: Final = frozenset({"contains", "matches", "startsWith", "endsWith", "in"})


def parsed(text: str) -> Node:
    """The tree of a text."""
    if len(text) > limits.TEXT_CHARACTERS_MAX:
        raise beyond(f"the expression is longer than {limits.TEXT_CHARACTERS_MAX} characters")
    if SURROGATE.search(text):
        raise syntax("the text is no Unicode")
    parser = Parser(text)
    node = parser.sequence()
    if parser.kind is not Kind.END:
        raise parser.unexpected()
    return node


class Parser(Operands):
    def __init__(self, text: str) -> None:
        super().__init__(tokens_of(text))

    def sequence(self) -> Node:
        nodes = [self.expression()]
        while self.take_if(Kind.SIGN, ";"):
            if self.kind is Kind.END:
                break
            nodes.append(self.expression())
        return nodes[0] if len(nodes) == 1 else self.made(Sequence(nodes))

    def expression(self, precedence: int = 0) -> Node:
        self.deeper()
        if precedence == 0 and self.at(Kind.SIGN, "let"):
            node = self._declaration()
        elif precedence == 0 and self.at(Kind.SIGN, "if"):
            node = self._choice()
        else:
            node = self._operations(self.primary(), precedence)
            node = self._ternary(node) if precedence == 0 else node
        self.back()
        return node

    def _operations(self, node: Node, precedence: int) -> Node:
        before = ""
        while self.kind is Kind.SIGN:
            negated = self.text == "not"
            operator = self.following.text if negated else self.text
            if negated and operator not in AFTER_NOT:
                self.advance()
                raise self.unexpected()
            if PRECEDENCES.get(operator, -1) < precedence:
                break
            if negated:
                self.advance()
            self.advance()
            if operator != "|" and before == "??" and operator != "??":
                raise syntax(f"operator {operator} and ?? can't be mixed without parentheses")
            node = self._operation(node, operator)
            if negated:
                node = self.made(Unary("not", node))
            before = operator
        return node

    def _operation(self, left: Node, operator: str) -> Node:
        precedence = PRECEDENCES[operator]
        if operator == "|":
            return self.call(self.expect(Kind.WORD), [left])
        if operator in COMPARISONS:
            return self._comparison(left, operator, precedence)
        right = self.expression(precedence if operator in RIGHT_TO_LEFT else precedence + 1)
        return self.made(Binary(operator, left, right))

    def _comparison(self, left: Node, operator: str, precedence: int) -> Node:
        """`a < b < c` is `a < b && b < c`."""
        root: Node | None = None
        while True:
            right = self.expression(precedence + 1)
            comparison: Node = self.made(Binary(operator, left, right))
            root = comparison if root is None else self.made(Binary("&&", root, comparison))
            if self.kind is not Kind.SIGN or self.text not in COMPARISONS:
                return root
            left, operator = right, self.advance().text

    def _declaration(self) -> Node:
        self.advance()
        name = self.expect(Kind.WORD)
        self.expect(Kind.SIGN, "=")
        value = self.expression()
        self.expect(Kind.SIGN, ";")
        return self.made(Declaration(name, value, self.sequence()))

    def _choice(self) -> Node:
        self.advance()
        condition = self.expression()
        then = self._block()
        self.expect(Kind.SIGN, "else")
        otherwise = self.expression() if self.at(Kind.SIGN, "if") else self._block()
        return self.made(Conditional(condition, then, otherwise))

    def _block(self) -> Node:
        self.expect(Kind.BRACKET, "{")
        node = self.sequence()
        self.expect(Kind.BRACKET, "}")
        return node

    def _ternary(self, node: Node) -> Node:
        while self.take_if(Kind.SIGN, "?"):
            if self.take_if(Kind.SIGN, ":"):
                node = self.made(Conditional(node, node, self.expression()))
                continue
            then = self.expression()
            self.expect(Kind.SIGN, ":")
            node = self.made(Conditional(node, then, self.expression()))
        return node

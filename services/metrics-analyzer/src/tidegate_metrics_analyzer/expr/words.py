"""Which functions an expression calls and what it asks of nothing, as it is written. Pure; called by `expression`.

Names of fields, texts and variables are no words: `.count` calls nothing.
"""

from collections.abc import Iterator

from tidegate_metrics_analyzer.expr.tree import Array, Binary, Builtin, Call, Map, Name, Nil, Node, children


def words_of(tree: Node) -> Iterator[str]:
    """Functions by their names, and the operators `??`, `nil`, `[]` and `{}` as such."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        waiting += children(node)
        match node:
            case Builtin(name=name) | Call(callee=Name(name=name)):
                yield name
            case Nil():
                yield "nil"
            case Binary(operator="??"):
                yield "??"
            case Binary(operator="==" | "!=", left=left, right=right):
                yield from (empty for side in (left, right) if (empty := _empty(side)))


def _empty(node: Node) -> str:
    """What is written as an empty list or map, and compared with."""
    match node:
        case Array(items=[]):
            return "[]"
        case Map(pairs=[]):
            return "{}"
    return ""

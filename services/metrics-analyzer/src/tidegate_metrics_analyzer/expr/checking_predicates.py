"""Functions that ask a predicate of each item: what they take and answer. Pure; called by `checker`."""

from typing import Final

from tidegate_metrics_analyzer.expr.checking import Around, Checking
from tidegate_metrics_analyzer.expr.faults import mismatch, unknown_name
from tidegate_metrics_analyzer.expr.natures import ANY, ANY_ARRAY, BOOL, INT, UNKNOWN, Nature, array_of
from tidegate_metrics_analyzer.expr.tree import Builtin, Node, Pointer, Predicate

NAMED: Final = {"map": {"index": INT}, "reduce": {"index": INT, "acc": UNKNOWN}}
ANSWERS_BOOL: Final = frozenset(
    {"all", "none", "any", "one", "filter", "count", "find", "findLast", "findIndex", "findLastIndex"}
)


def pointer(checking: Checking, node: Pointer) -> Nature:
    if not checking.predicates:
        raise mismatch("cannot use pointer accessor outside predicate")
    around = checking.predicates[-1]
    if node.name:
        if node.name not in around.named:
            raise unknown_name(f"unknown pointer #{node.name}")
        return around.named[node.name]
    return UNKNOWN if around.collection.is_unknown else around.collection.element


def with_predicate(checking: Checking, node: Builtin) -> Nature:
    collection = checking.visit(node.arguments[0])
    if not (collection.is_array or collection.is_unknown):
        raise mismatch(f"builtin {node.name} takes only array (got {collection})")
    if len(node.arguments) == 1:
        return INT if node.name == "count" else UNKNOWN if collection.is_unknown else collection.element
    body = _body(checking, node, collection)
    if len(node.arguments) > len(("collection", "predicate")):
        _third(checking, node)
    if body.nil:
        raise mismatch("predicate should have one output")
    if node.name in ANSWERS_BOOL and not (body.type == "bool" or body.is_unknown):
        raise mismatch(f"predicate should return boolean (got {body})")
    return _answer(node.name, collection, body)


def _body(checking: Checking, node: Builtin, collection: Nature) -> Nature:
    predicate = node.arguments[1]
    assert isinstance(predicate, Predicate)
    checking.predicates.append(Around(collection, NAMED.get(node.name, {})))
    body = checking.visit(predicate.body)
    checking.predicates.pop()
    predicate.nature = Nature("func(any)")
    return body


def _third(checking: Checking, node: Builtin) -> None:
    third: Node = node.arguments[2]
    nature = checking.visit(third)
    if node.name == "sortBy" and not (nature.type == "string" or nature.is_unknown):
        raise mismatch(f"sortBy order argument must be a string (got {nature})")


def _answer(name: str, collection: Nature, body: Nature) -> Nature:  # noqa: PLR0911 (one line for each answer)
    item = UNKNOWN if collection.is_unknown else collection.element
    match name:
        case "filter":
            return ANY_ARRAY if collection.is_unknown else array_of(item)
        case "map":
            return array_of(body)
        case "count" | "findIndex" | "findLastIndex":
            return INT
        case "sum":
            return ANY if body.is_unknown else Nature(body.type)
        case "find" | "findLast":
            return item
        case "groupBy":
            return Nature("map[any][]any")
        case "sortBy":
            return collection
        case "reduce":
            return body
    return BOOL

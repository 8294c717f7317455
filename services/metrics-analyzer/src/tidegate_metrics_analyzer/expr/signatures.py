"""What the built-in functions of expr v1.17 take and answer, as far as that is known before they are called. Pure.

Asked by `operands` (which names are built in) and by `checker`; what the functions do stands in the `functions_`
modules.
"""

from collections.abc import Callable
from typing import Final

from tidegate_metrics_analyzer.expr.faults import mismatch
from tidegate_metrics_analyzer.expr.natures import ANY, ANY_ARRAY, FLOAT, INT, TIME, Nature

Overload = tuple[tuple[str, ...], str]

_COLLECTION = ("expression", False)
_PREDICATE = ("predicate", False)
_OPTIONAL_PREDICATE = ("predicate", True)
_OPTIONAL = ("expression", True)

PREDICATES: Final[dict[str, tuple[tuple[str, bool], ...]]] = {
    **dict.fromkeys(("all", "none", "any", "one", "filter", "map"), (_COLLECTION, _PREDICATE)),
    **dict.fromkeys(("find", "findIndex", "findLast", "findLastIndex", "groupBy"), (_COLLECTION, _PREDICATE)),
    **dict.fromkeys(("count", "sum"), (_COLLECTION, _OPTIONAL_PREDICATE)),
    **dict.fromkeys(("sortBy", "reduce"), (_COLLECTION, _PREDICATE, _OPTIONAL)),
}
"""Functions that take a predicate: each parameter, and whether it may be left out."""

_TEXT_TO_TEXT: Final[tuple[Overload, ...]] = ((("string",), "string"),)
_TWO_TEXTS_TO_BOOL: Final[tuple[Overload, ...]] = ((("string", "string"), "bool"),)
_TWO_TEXTS_TO_INT: Final[tuple[Overload, ...]] = ((("string", "string"), "int"),)
_TRIM: Final[tuple[Overload, ...]] = ((("string",), "string"), (("string", "string"), "string"))
_SPLIT: Final[tuple[Overload, ...]] = ((("string", "string"), "[]string"), (("string", "string", "int"), "[]string"))
_TWO_INTS: Final[tuple[Overload, ...]] = ((("int", "int"), "int"),)
_ELEMENTS: Final = ("[]any", "[]int", "[]float64", "[]string")

OVERLOADS: Final[dict[str, tuple[Overload, ...]]] = {
    **dict.fromkeys(("type", "string", "toJSON"), ((("any",), "string"),)),
    **dict.fromkeys(("trim", "trimPrefix", "trimSuffix"), _TRIM),
    **dict.fromkeys(("upper", "lower", "toBase64", "fromBase64"), _TEXT_TO_TEXT),
    **dict.fromkeys(("split", "splitAfter"), _SPLIT),
    "replace": ((("string", "string", "string", "int"), "string"), (("string", "string", "string"), "string")),
    "repeat": ((("string", "int"), "string"),),
    "join": tuple(
        (parameters, "string")
        for parameters in (("[]string", "string"), ("[]any", "string"), ("[]any",), ("[]string",))
    ),
    **dict.fromkeys(("indexOf", "lastIndexOf"), _TWO_TEXTS_TO_INT),
    **dict.fromkeys(("hasPrefix", "hasSuffix"), _TWO_TEXTS_TO_BOOL),
    "fromJSON": ((("string",), "any"),),
    "duration": ((("string",), "duration"),),
    "timezone": ((("string",), "location"),),
    "sort": tuple(
        (parameters, "[]any")
        for parameters in (*((element, "string") for element in _ELEMENTS), *((element,) for element in _ELEMENTS))
    ),
    **dict.fromkeys(("bitand", "bitor", "bitxor", "bitnand", "bitshl", "bitshr", "bitushr"), _TWO_INTS),
    "bitnot": ((("int",), "int"),),
}
"""Tried in this order; the first that fits says what comes out."""

NUMBERS: Final = frozenset({"int", "int64", "uint8", "float64"})


def _one(name: str, arguments: list[Nature]) -> Nature:
    if len(arguments) != 1:
        raise mismatch(f"invalid number of arguments of {name} (expected 1, got {len(arguments)})")
    return arguments[0]


def _single(result: Nature | None, *kinds: str) -> Callable[[str, list[Nature]], Nature]:
    """One argument of these kinds; without a result the argument's own type comes out."""

    def check(name: str, arguments: list[Nature]) -> Nature:
        argument = _one(name, arguments)
        if argument.kind not in kinds:
            raise mismatch(f"invalid argument for {name} (type {argument})")
        return Nature(argument.type) if result is None else result

    return check


def _end(name: str, arguments: list[Nature]) -> Nature:
    argument = _one(name, arguments)
    if argument.kind == "slice" and argument.type is not None:
        return Nature(argument.type[2:])
    if argument.kind == "any":
        return ANY
    raise mismatch(f"cannot get an element from {argument}")


def _take(name: str, arguments: list[Nature]) -> Nature:
    if len(arguments) != len(("array", "count")):
        raise mismatch(f"invalid number of arguments of {name} (expected 2, got {len(arguments)})")
    if arguments[0].kind not in ("any", "slice") or arguments[1].kind not in ("any", "int", "int64"):
        raise mismatch(f"cannot take {arguments[1]} elements from {arguments[0]}")
    return Nature(arguments[0].type)


def _concat(name: str, arguments: list[Nature]) -> Nature:
    if not arguments or any(argument.kind not in ("any", "slice") for argument in arguments):
        raise mismatch(f"{name} takes arrays")
    return ANY_ARRAY


def _aggregate(name: str, arguments: list[Nature]) -> Nature:
    if not arguments:
        raise mismatch(f"not enough arguments to call {name}")
    for argument in arguments:
        if argument.kind in ("any", "slice"):
            return ANY
        if argument.kind not in NUMBERS:
            raise mismatch(f"invalid argument for {name} (type {argument})")
    return Nature(arguments[0].type)


def _now(name: str, arguments: list[Nature]) -> Nature:
    if not arguments or (len(arguments) == 1 and arguments[0].type == "location"):
        return TIME
    raise mismatch(f"invalid arguments of {name}")


def _date(name: str, arguments: list[Nature]) -> Nature:
    offered = len(arguments) - (1 if arguments and arguments[0].type == "location" else 0)
    if not arguments or offered > len(("date", "layout", "zone")):
        raise mismatch(f"invalid number of arguments of {name}: {len(arguments)}")
    return TIME


_number = _single(FLOAT, "any", *NUMBERS)
_array = _single(ANY_ARRAY, "any", "slice")

VALIDATED: Final[dict[str, Callable[[str, list[Nature]], Nature]]] = {
    "len": _single(INT, "any", "slice", "map", "string"),
    "abs": _single(None, "any", *NUMBERS),
    **dict.fromkeys(("ceil", "floor", "round"), _number),
    "int": _single(INT, "any", "string", *NUMBERS),
    "float": _single(FLOAT, "any", "string", *NUMBERS),
    **dict.fromkeys(("max", "min", "mean", "median"), _aggregate),
    **dict.fromkeys(("first", "last"), _end),
    "take": _take,
    **dict.fromkeys(("keys", "values", "toPairs"), _single(ANY_ARRAY, "any", "map")),
    "fromPairs": _single(Nature("map[any]any"), "any", "slice"),
    **dict.fromkeys(("reverse", "uniq", "flatten"), _array),
    "concat": _concat,
    "now": _now,
    "date": _date,
}
"""Functions that look at the kinds of all their arguments at once. Nil is of no kind; the unknown is `any`."""

BUILTINS: Final = frozenset({*PREDICATES, *OVERLOADS, *VALIDATED, "get"})

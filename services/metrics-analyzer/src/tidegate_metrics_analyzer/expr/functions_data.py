"""Functions between values and their texts: type, string, JSON and Base64. Pure; gathered by `functions`."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, Final

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.conversion import from_json
from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.formatting import shown
from tidegate_metrics_analyzer.expr.functions_texts import text
from tidegate_metrics_analyzer.expr.marshalling import marshalled
from tidegate_metrics_analyzer.expr.values import Slice, Table, Value, bytes_of, text_of, type_of

NAMES: Final = {
    "nil": "nil",
    "bool": "bool",
    "int": "int",
    "int64": "int",
    "uint8": "uint",
    "float64": "float",
    "string": "string",
    "func": "func",
    "duration": "time.Duration",
    "time": "time.Time",
    "location": "unknown",
}


def _type(arguments: list[Value], _: Budget) -> Value:
    value = arguments[0]
    if isinstance(value, Slice):
        return "array"
    return "map" if isinstance(value, Table) else NAMES[type_of(value)]


def _from_json(arguments: list[Value], budget: Budget) -> Value:
    source = text(arguments[0])
    budget.step(len(source))
    try:
        found: Any = json.loads(source, parse_int=_number, parse_float=_number, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise no_answer(f"no JSON: {error}") from None
    return from_json(found)


def _number(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise no_answer(f"cannot unmarshal number {digits}")
    return value


def _no_number(word: str) -> float:
    raise no_answer(f"no JSON: {word}")


def _from_base64(arguments: list[Value], budget: Budget) -> Value:
    source = text(arguments[0]).replace("\r", "").replace("\n", "")
    try:
        return budget.text(text_of(base64.b64decode(bytes_of(source), validate=True)))
    except binascii.Error as error:
        raise no_answer(f"illegal base64 data: {error}") from None


def _to_base64(arguments: list[Value], budget: Budget) -> Value:
    return budget.text(base64.b64encode(bytes_of(text(arguments[0]))).decode("ascii"))


DATA: Final[dict[str, tuple[int, int, Callable[[list[Value], Budget], Value]]]] = {
    "type": (1, 1, _type),
    "string": (1, 1, lambda arguments, budget: shown(arguments[0], budget)),
    "toJSON": (1, 1, lambda arguments, budget: marshalled(arguments[0], budget)),
    "fromJSON": (1, 1, _from_json),
    "toBase64": (1, 1, _to_base64),
    "fromBase64": (1, 1, _from_base64),
}

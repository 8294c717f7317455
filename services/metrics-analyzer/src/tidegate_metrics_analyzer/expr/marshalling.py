"""A value as Go's JSON with an indent of two: what `toJSON` answers. Pure; called by `functions_data`."""

import base64
import json
import math
from typing import Final, cast

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.formatting import plain
from tidegate_metrics_analyzer.expr.numerals import scientific
from tidegate_metrics_analyzer.expr.times import shown_rfc3339
from tidegate_metrics_analyzer.expr.values import Duration, Moment, Slice, Table, Value, bytes_of, item_of, type_of

INDENT: Final = "  "
EXPONENT_BELOW: Final = -6
EXPONENT_FROM: Final = 21
ESCAPED: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def marshalled(value: Value, budget: Budget, level: int = 0) -> str:  # noqa: PLR0911 (one for each type)
    budget.step()
    match value:
        case Slice():
            return budget.text(_array(value, budget, level))
        case Table():
            return budget.text(_object(value, budget, level))
        case float():
            return _float(value)
        case str():
            return budget.text(_text(value))
        case Duration():
            return str(value.nanoseconds)
        case Moment():
            return f'"{shown_rfc3339(value)}"'
        case None | bool() | int():
            return json.dumps(value)
    raise no_answer(f"json: unsupported type: {type_of(value)}")


def _array(value: Slice, budget: Budget, level: int) -> str:
    if value.absent:
        return "null"
    if value.element == "uint8":
        return _text(base64.b64encode(bytes(cast("bytes", value.items))).decode("ascii"))
    items = [marshalled(item_of(value, at), budget, level + 1) for at in range(len(value.items))]
    return _block("[", items, "]", level)


def _object(value: Table, budget: Budget, level: int) -> str:
    if value.key_type != "string":
        raise no_answer(f"json: unsupported type: {type_of(value)}")
    named = {key: item for (_, key), item in value.entries.items() if isinstance(key, str)}
    entries = sorted(named.items(), key=lambda entry: bytes_of(entry[0]))
    return _block("{", [f"{_text(key)}: {marshalled(item, budget, level + 1)}" for key, item in entries], "}", level)


def _block(opening: str, items: list[str], closing: str, level: int) -> str:
    if not items:
        return opening + closing
    inner = INDENT * (level + 1)
    listed = f",\n{inner}".join(items)
    return f"{opening}\n{inner}{listed}\n{INDENT * level}{closing}"


def _text(value: str) -> str:
    clean = bytes_of(value).decode("utf-8", "replace")
    return "".join(ESCAPED.get(letter, letter) for letter in json.dumps(clean, ensure_ascii=False))


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise no_answer(f"json: unsupported value: {value}")
    sign, digits, exponent = scientific(value)
    if value and not EXPONENT_BELOW <= exponent < EXPONENT_FROM:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{exponent:+d}"
    return f"{sign}{plain(digits, exponent)}"

"""Values written as the oracle writes them (services/metrics-analyzer/tools/expr-oracle): everything that expr tells
apart shows.
"""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tidegate_metrics_analyzer.expr import Expression, Fault, compile_expression
from tidegate_metrics_analyzer.expr.conversion import from_json
from tidegate_metrics_analyzer.expr.environment import of_condition
from tidegate_metrics_analyzer.expr.faults import Refused
from tidegate_metrics_analyzer.expr.numerals import scientific
from tidegate_metrics_analyzer.expr.values import (
    Byte,
    Duration,
    Function,
    LongInteger,
    Moment,
    Slice,
    Table,
    Value,
    bytes_of,
    item_of,
    type_of,
)

EPOCH_YEAR = 1970


def answer(expression: str, result: Any) -> str:
    """The value with its types, or `!` and the fault's kind."""
    compiled = compile_expression(expression)
    if isinstance(compiled, Fault):
        return f"!{compiled.kind}"
    return _evaluated(compiled, result)


def _evaluated(compiled: Expression, result: Any) -> str:
    try:
        return written(compiled.value(of_condition(from_json(result)), None))
    except Refused as refused:
        return f"!{refused.fault.kind}"


def result_of(stored: Any) -> Any:
    """A result as it is stored in JSON, which knows neither NaN nor []float64."""
    if isinstance(stored, list):
        return [result_of(item) for item in stored]
    if not isinstance(stored, Mapping):
        return stored
    if "$float" in stored:
        return float(stored["$float"])
    if "$floats" in stored:
        return tuple(float(result_of(item)) for item in stored["$floats"])
    return {key: result_of(item) for key, item in stored.items()}


def written(value: Value) -> str:  # noqa: C901, PLR0911 (one for each type)
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case LongInteger():
            return f"l{int(value)}"
        case Byte():
            return f"b{int(value)}"
        case int():
            return f"i{value}"
        case float():
            return f"f{_float(value)}"
        case str():
            return _text(value)
        case Slice():
            return _slice(value)
        case Table():
            entries = sorted(f"{written(key)}: {written(item)}" for (_, key), item in value.entries.items())
            return f"{_type(value)}{{{', '.join(entries)}}}"
        case Duration():
            return f"d{value.nanoseconds}"
        case Moment():
            return f"t{_microseconds(value)}"
        case Function():
            return "func"
    return "zone"


def _microseconds(moment: Moment) -> int:
    epoch = moment.at.replace(year=EPOCH_YEAR, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    offset = moment.at.utcoffset() or timedelta()
    return (moment.at.replace(tzinfo=None) - offset - epoch.replace(tzinfo=None)) // timedelta(microseconds=1)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = scientific(value)
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{point}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _text(value: str) -> str:
    if any("\udc80" <= letter <= "\udcff" for letter in value):
        return f"x{bytes_of(value).hex()}"
    return f'"{"".join(_letter(letter) for letter in value)}"'


def _letter(letter: str) -> str:
    return letter if " " <= letter <= "~" and letter not in '"\\' else f"\\{ord(letter):x};"


def _slice(value: Slice) -> str:
    if value.absent:
        return f"{_type(value)}(nil)"
    return f"{_type(value)}[{', '.join(written(item_of(value, at)) for at in range(len(value.items)))}]"


def _type(value: Slice | Table) -> str:
    return type_of(value).replace("pair", "[2]any").replace("]struct", "]struct {}")

"""What Argo Rollouts puts around a condition: `result`, and six functions. Pure; called by `expression`.

Its quirk is kept unless somebody asks for the sane reading: `isNil` and `default` look at the whole result, whatever
their first argument is.
"""

import math

from tidegate_metrics_analyzer.expr.arithmetic import truncated
from tidegate_metrics_analyzer.expr.faults import mismatch
from tidegate_metrics_analyzer.expr.natures import NIL, Nature
from tidegate_metrics_analyzer.expr.numerals import float_of, integer_of
from tidegate_metrics_analyzer.expr.values import Function, LongInteger, Value, is_integer, is_nil, type_of


def of_condition(result: Value, *, whole_result_asked: bool = True) -> dict[str, Value]:
    """Where successCondition and failureCondition are evaluated."""

    def asked(given: Value) -> Value:
        return result if whole_result_asked else given

    functions = [
        *of_moment().values(),
        Function("asInt", ("any",), "int64", lambda value, _: _as_integer(value)),
        Function("asFloat", ("any",), "float64", lambda value, _: _as_float(value)),
        Function("isNil", ("any",), "bool", lambda given, _: is_nil(asked(given))),
        Function(
            "default", ("any", "any"), "any", lambda given, other: other if is_nil(asked(given)) else asked(given)
        ),
    ]
    return {"result": result, **{function.name: function for function in functions if isinstance(function, Function)}}


def of_moment() -> dict[str, Value]:
    """Where the start and the end of a range query are evaluated."""
    return {
        "isNaN": Function(
            "isNaN", ("float64",), "bool", lambda value, _: isinstance(value, float) and math.isnan(value)
        ),
        "isInf": Function(
            "isInf", ("float64",), "bool", lambda value, _: isinstance(value, float) and math.isinf(value)
        ),
    }


def nature_of(value: Value) -> Nature:
    """What is known of a value of the environment before the evaluation."""
    if value is None:
        return NIL
    if isinstance(value, Function):
        return Nature(f"func({','.join(value.parameters)}){value.result}", function=value)
    return Nature(type_of(value))


def _as_integer(value: Value) -> Value:
    if isinstance(value, str):
        return LongInteger(integer_of(value))
    if isinstance(value, float):
        return LongInteger(truncated(value))
    if isinstance(value, int) and is_integer(value):
        return LongInteger(value)
    raise mismatch(f"asInt() not supported on {type_of(value)}")


def _as_float(value: Value) -> Value:
    if isinstance(value, str):
        return float_of(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise mismatch(f"asFloat() not supported on {type_of(value)}")

"""Conditions in the expression language, as `phase` asks for them. Pure; for `template_measure` and `validate`."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from tidegate_metrics_analyzer.argo.metric import CONDITIONS_KEPT_MAX
from tidegate_metrics_analyzer.argo.phase import Evaluate, Unevaluable
from tidegate_metrics_analyzer.expr import Expression, Fault, compile_expression

_compiled = lru_cache(maxsize=CONDITIONS_KEPT_MAX)(compile_expression)


def evaluator(now: datetime, *, whole_result_asked: bool = True) -> Evaluate:
    def evaluate(condition: str, result: Any) -> bool | Unevaluable:
        compiled: Expression | Fault = _compiled(condition)
        value = (
            compiled
            if isinstance(compiled, Fault)
            else compiled.holds(result, now=now, whole_result_asked=whole_result_asked)
        )
        return Unevaluable(value.message) if isinstance(value, Fault) else value

    return evaluate


def fault(condition: str) -> str | None:
    """What is wrong with a condition whatever the result is; None where nothing is."""
    compiled = _compiled(condition)
    return compiled.message if isinstance(compiled, Fault) else None

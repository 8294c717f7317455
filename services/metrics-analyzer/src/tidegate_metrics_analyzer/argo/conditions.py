"""Conditions in the expression language, as `phase` asks for them. Pure; called by `template_measure` and `validate`."""

from datetime import datetime
from typing import Any

from tidegate_metrics_analyzer.argo.phase import Evaluate, Unevaluable
from tidegate_metrics_analyzer.expr import Fault, compile_expression


def evaluator(now: datetime) -> Evaluate:
    def evaluate(condition: str, result: Any) -> bool | Unevaluable:
        compiled = compile_expression(condition)
        value = compiled if isinstance(compiled, Fault) else compiled.holds(result, now=now)
        return Unevaluable(value.message) if isinstance(value, Fault) else value

    return evaluate


def fault(condition: str) -> str | None:
    """What is wrong with a condition whatever the result is; None where nothing is."""
    compiled = compile_expression(condition)
    return compiled.message if isinstance(compiled, Fault) else None

"""The expression language of Argo's conditions, expr v1.17, evaluated without Go and without ever reaching Python.
Pure.

`compile_expression` reads a text, `Expression` answers for results; docs/expressions.md says what the language is and
where this differs. Data flow one way: tokens → parser → checker → rewriting → interpreter, over values that are typed
as Go types them.
"""

from tidegate_metrics_analyzer.expr.expression import Expression, compile_expression
from tidegate_metrics_analyzer.expr.faults import Fault, FaultKind

__all__ = ["Expression", "Fault", "FaultKind", "compile_expression"]

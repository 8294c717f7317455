"""Whether a rule of a template is meant for a metric: its pattern is found somewhere in the metric's name. Pure.

Called by `validate` and `assembling`. A pattern that is none matches nothing, as with Argo, and `validate` tells of it.
The engine is the expressions' own, which takes no more time for a hostile pattern than for another.
"""

from tidegate_metrics_analyzer.expr import Fault, compile_expression


def matches(pattern: str, name: str) -> bool:
    compiled = compile_expression(f"result matches {_quoted(pattern)}")
    return not isinstance(compiled, Fault) and compiled.holds(name) is True


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

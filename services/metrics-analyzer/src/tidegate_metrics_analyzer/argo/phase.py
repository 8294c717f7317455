"""One measurement's phase: what its conditions say of a result. Pure; called by `template_measure` for every result.

The table is Argo's, but for one thing: a result that is nothing, not a number or infinite never passes by accident. It
does only where the condition itself says what such a result means, as in `isNaN(result) || result < 0.05`: `oddities`.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tidegate_contracts.templates import Phase
from tidegate_metrics_analyzer.argo import oddities
from tidegate_metrics_analyzer.argo.metric import PlannedMetric

NO_DATA: Final = "metric result is nil or empty: no data returned from the metric provider"


class Unevaluable(NamedTuple):
    """A condition that has no value for a result, and why."""

    reason: str


Evaluate = Callable[[str, Any], bool | Unevaluable]
"""A condition's value for a result; whoever makes it knows the language."""


class Found(NamedTuple):
    phase: Phase
    message: str = ""


def phase_of(metric: PlannedMetric, result: Any, evaluate: Evaluate) -> Found:
    """A failing condition wins over a good one; neither of two is inconclusive, and no condition at all is a pass."""
    succeeds = _evaluated("successCondition", metric.success_condition, result, evaluate)
    if isinstance(succeeds, Found):
        return succeeds
    fails = _evaluated("failureCondition", metric.failure_condition, result, evaluate)
    if isinstance(fails, Found):
        return fails
    if fails if succeeds is None else (fails or (fails is None and not succeeds)):
        return Found("Failed")
    if succeeds is False:
        return Found("Inconclusive", "neither the successCondition nor the failureCondition is met")
    return _unless_by_accident(metric, result)


def _evaluated(which: str, condition: str, result: Any, evaluate: Evaluate) -> bool | Found | None:
    if not condition:
        return None
    value = evaluate(condition, result)
    if isinstance(value, bool):
        return value
    reason = NO_DATA if result in (None, [], ()) else value.reason
    return Found("Error", f'could not evaluate {which} "{condition}": {reason}')


def _unless_by_accident(metric: PlannedMetric, result: Any) -> Found:
    unsaid = oddities.unsaid(metric, result)
    if unsaid is None:
        return Found("Successful")
    return Found("Inconclusive", f"the result is {unsaid}, and no condition says what that means")

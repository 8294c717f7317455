"""One measurement's phase: what its conditions say of a result. Pure; called by `template_measure` for every result.

The table is Argo's, but for one thing: a result that is nothing, not a number or infinite never passes by accident. It
does only where the condition itself says what such a result means, as in `isNaN(result) || result < 0.05`.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tidegate_contracts.templates import Phase
from tidegate_metrics_analyzer.argo.metric import PlannedMetric

NO_DATA: Final = "metric result is nil or empty: no data returned from the metric provider"

_WORDS: Final = {
    "nothing": re.compile(r"\b(?:isNil|default|len|nil|count|none)\b|\?\?"),
    "not a number (NaN)": re.compile(r"\bisNaN\b"),
    "infinite": re.compile(r"\bisInf\b"),
}
"""By what a result is: the words with which a condition says what that means."""


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
    reason = NO_DATA if _is_nothing(result) else value.reason
    return Found("Error", f'could not evaluate {which} "{condition}": {reason}')


def _unless_by_accident(metric: PlannedMetric, result: Any) -> Found:
    conditions = f"{metric.success_condition} {metric.failure_condition}"
    unsaid = next((is_what for is_what in _oddities(result) if not _WORDS[is_what].search(conditions)), None)
    if unsaid is None:
        return Found("Successful")
    return Found("Inconclusive", f"the result is {unsaid}, and no condition says what that means")


def _oddities(result: Any) -> list[str]:
    """What keeps a result from being evidence by itself."""
    values = result if isinstance(result, list | tuple) else [result]
    numbers = [value for value in values if isinstance(value, float)]
    found = {
        "nothing": _is_nothing(result),
        "not a number (NaN)": any(math.isnan(value) for value in numbers),
        "infinite": any(math.isinf(value) for value in numbers),
    }
    return [is_what for is_what, applies in found.items() if applies]


def _is_nothing(result: Any) -> bool:
    return result is None or (isinstance(result, list | tuple) and not result)

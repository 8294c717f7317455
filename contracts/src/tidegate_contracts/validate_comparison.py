"""What is wrong with a check that compares: its own bounds, and what it can't be together with.

Called by `validate_analysis`. Whatever a comparison would not heed is refused, so that nobody believes it was.
"""

import re
from collections.abc import Iterator
from typing import Final

from tidegate_contracts import limits
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import Analysis, Check

UNHEEDED: Final = (
    "minimum",
    "maximum",
    "count",
    "failure_limit",
    "interval_s",
    "minimum_samples_query",
    "minimum_samples",
)
"""Of a range. A comparison has `points` pairs, one each `window_s`, and its own rule."""

_TOLD_APART: Final = re.compile(r"\{\{\s*(?:revision|pods)\s*\}\}")
"""What stands for one thing the first time and for another the second; `validate_baseline` says where `pods` may be."""

_DEFAULTS: Final = Check(name="", query="")
_BOUNDS: Final = {
    "points": (limits.COMPARISON_POINTS_MIN, limits.COMPARISON_POINTS_MAX),
    "tolerance_percent": (0.0, 1000.0),
    "tolerance": (0.0, 1e12),
    "confidence_percent": (limits.COMPARISON_CONFIDENCE_PERCENT_MIN, limits.COMPARISON_CONFIDENCE_PERCENT_MAX),
}


def comparison_problems(field: str, check: Check, compare: Comparison) -> Iterator[Problem]:
    for part in UNHEEDED:
        if getattr(check, part) != getattr(_DEFAULTS, part):
            rule = "left out where compare is given"
            remedy = "A comparison is decided by its points, one each window_s."
            yield problem(f"{field}.{part}", getattr(check, part), rule, remedy)
    if check.metric is None and not _TOLD_APART.search(check.query):
        remedy = (
            'Select the pods by it, as in revision="{{revision}}": it stands for the new revision, then for the old.'
        )
        yield problem(f"{field}.query", check.query, "a query with {{revision}} where compare is given", remedy)
    for part, (least, most) in _BOUNDS.items():
        if not least <= getattr(compare, part) <= most:
            rule = f"{least:g} to {most:g}"
            yield problem(f"{field}.compare.{part}", getattr(compare, part), rule, "Give a number in that range.")


def background_problems(field: str, analysis: Analysis, where: str) -> Iterator[Problem]:
    """A comparison ends with its last pair, a score with its last check, a background analysis with the rollout."""
    rule = f"left out in {where}"
    if analysis.score is not None:
        yield problem(f"{field}.score", "{}", rule, "Count a step's checks together.")
    for index, check in enumerate(analysis.checks):
        if check.compare is not None:
            yield problem(f"{field}.checks[{index}].compare", "{}", rule, "Compare in a step's analysis.")


def shortest_s(check: Check, compare: Comparison) -> float:
    """The least time in which a comparison can pass."""
    return check.initial_delay_s + compare.points * check.window_s

"""The moments at which a comparison has its pairs of points. Pure; called by `comparing` and `measure`.

Points that look back on the same time are no evidence of their own, so they stand as far apart as the query looks back;
and the first one is so late that it doesn't look over the step's start.
"""

import math
from typing import Final

from tidegate_contracts import limits
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.question import Reach

MOMENTS_MAX: Final = 2 * limits.COMPARISON_POINTS_MAX
"""Twice what the longest comparison needs, for those without a pair; what comes later is not looked at any more."""

_MILLISECONDS: Final = 1000


def spacing_ms(check: Check, reach: Reach) -> int:
    return math.ceil(reach.looked_back_s(check.window_s) * _MILLISECONDS)


def first_ms(check: Check, reach: Reach, since_s: float) -> int:
    return math.ceil((since_s + check.initial_delay_s) * _MILLISECONDS) + spacing_ms(check, reach)


def count(check: Check, reach: Reach, since_s: float, now_s: float) -> int:
    """How many of them have come."""
    elapsed_ms = math.floor(now_s * _MILLISECONDS) - first_ms(check, reach, since_s)
    return max(0, min(elapsed_ms // spacing_ms(check, reach) + 1, MOMENTS_MAX))

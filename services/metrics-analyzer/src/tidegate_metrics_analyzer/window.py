"""When a check is measured and how far back each measurement may look. Pure; called by `measure`.

The rule behind it: evidence for a step comes from that very step. A look-back that would reach over the step's start
is shortened, and where it can't be (the author wrote it out), the measurement waits.
"""

import math
from typing import Final

from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.question import Reach

WINDOW_S_MIN: Final = 1.0
_MILLISECONDS: Final = 1000

_CLOCK_GRAIN_MS: Final = 0.001
"""Epoch seconds as floats resolve a quarter of a microsecond: less than this missing from a millisecond is nothing."""

_EARLY_SHARE: Final = 0.1
"""Timers and the wall clock drift apart: who wakes this part of an interval before a moment came for that moment."""


def first_at_s(check: Check, reach: Reach, since_s: float) -> float:
    """The first moment at which a whole look-back fits between the step's start and now."""
    return since_s + max(check.initial_delay_s, reach.looked_back_s(WINDOW_S_MIN))


def next_at_s(first_s: float, interval_s: float, now_s: float) -> float:
    """The next moment of the check's schedule; moments missed by a slow provider are skipped, not made up for."""
    if now_s < first_s:
        return first_s
    return first_s + (math.floor((now_s - first_s) / interval_s + _EARLY_SHARE) + 1) * interval_s


def window_s(check: Check, reach: Reach, since_s: float, now_s: float) -> float:
    """How far a measurement at `now_s` may look back, in whole milliseconds, never over `since_s`."""
    available_s = now_s - since_s
    if reach.nested:
        available_s = (available_s - reach.fixed_s) / reach.windows
    return math.floor(min(check.window_s, available_s) * _MILLISECONDS + _CLOCK_GRAIN_MS) / _MILLISECONDS


def not_before_s(reach: Reach, since_s: float, window_s: float) -> float:
    """From which moment on a query with this window doesn't look back over `since_s`."""
    return since_s + reach.looked_back_s(window_s)

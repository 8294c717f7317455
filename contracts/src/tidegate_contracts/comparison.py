"""Canary against stable, as a check asks for it and as its evidence tells it: plain data of `rollout` and `facts`.

`validate_comparison` says what is wrong with one, the metrics-analyzer judges it.
"""

from typing import Literal

import msgspec

Direction = Literal["increase", "decrease", "either"]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The check's query asked of both revisions over the step's own time, and the two judged against each other.

    One pair of points each `window_s`: the canary's and the stable's of the same moment. No data, NaN and infinities
    make no pair, and without enough pairs there is no verdict.
    """

    direction: Direction
    """Which change is bad."""
    points: int = 20
    """Pairs after which the check is decided; only a plainly bad canary is failed earlier."""
    tolerance_percent: float = 10.0
    """A change by this share of the stable's value doesn't matter."""
    tolerance: float = 0.0
    """A change by this much, in the query's own unit, doesn't matter either: the larger of both counts."""
    confidence_percent: float = 98.0
    """Of canaries that are as good as the stable revision, at least so many are not failed, early and late together."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found: both samples in numbers, and the rule that decided."""

    direction: Direction
    pairs: int
    """Moments at which both revisions had a value: what was judged."""
    points: int
    """Pairs that the check asked for."""
    canary_points: int
    stable_points: int
    canary_median: float
    stable_median: float
    worse_percent: float
    """Of all canary and stable values taken two by two, how many are worse beyond the tolerance; ties count half."""
    odds: float
    """Of the sequential test: how much the pairs speak for a worse canary, as the winnings of one who bet on it."""
    odds_limit: float
    """At these odds the canary is failed, however few pairs there are."""
    rule: Literal["waiting", "sequential", "rank_test"]
    """What decided; `waiting` where nothing has yet."""
    p_value: float | None = None
    """Of the Mann-Whitney test over the first `points` pairs; None before there are so many."""
    p_limit: float | None = None
    """Below it the canary is failed."""
    tolerance_percent: float = 0.0
    tolerance: float = 0.0
    """By the larger of both the stable's values were moved before they were compared."""
    side: Literal["high", "low"] | None = None
    """Where the canary lies, seen from the stable, if it failed."""
    stable_values: tuple[float, ...] = ()
    """The stable's last values, beside the canary's in `values`."""

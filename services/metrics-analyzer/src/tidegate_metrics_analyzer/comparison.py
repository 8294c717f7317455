"""Canary against stable: from pairs of values to a verdict with its numbers. Pure; called by `comparing` and `judge`.

The metric goes through two tests, each with half of the false alarms that the check allows. The sequential one looks
after every pair and may fail a plainly bad canary at once; the rank test looks once, after `points` pairs, and finds
smaller changes. The stable's values are moved by the tolerance first: what is within it is no change.
Nothing is taken out as an outlier. Ranks give a value no more weight for being far off, and what would be taken out of
the canary's sample is what it was asked for.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from tidegate_contracts.comparison import Compared, Comparison
from tidegate_metrics_analyzer import rank_test, sequential

VALUES_KEPT: Final = 10
"""The last values of each revision go into the evidence, with `DIGITS` digits: twenty checks fit into one event."""

DIGITS: Final = 6
TESTS: Final = 2
_PERCENT: Final = 100.0

Side = Literal["high", "low"]


class Pair(NamedTuple):
    """Both revisions at one moment."""

    canary: float
    stable: float


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    pairs: tuple[Pair, ...]
    """In the order of time; at least one."""
    canary_points: int
    stable_points: int


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    verdict: Literal["pass", "fail"] | None
    """None while there are too few pairs to say."""
    found: Compared
    canary_values: tuple[float, ...]


class _Tested(NamedTuple):
    """One direction's view: a larger `canary` is a worse one."""

    side: Side
    canary: tuple[float, ...]
    limit: tuple[float, ...]

    def first(self, size: int) -> "_Tested":
        return _Tested(self.side, self.canary[:size], self.limit[:size])

    def wins(self) -> float:
        return rank_test.wins(self.canary, self.limit)


def judge(samples: Samples, compare: Comparison) -> Judged:
    false_alarms = (_PERCENT - compare.confidence_percent) / _PERCENT / TESTS
    views = _views(samples.pairs, compare)
    odds, odds_limit = _odds(views), 1 / false_alarms
    p_value = _p_value(views, compare) if len(samples.pairs) >= compare.points else None
    early = odds >= odds_limit
    late = p_value is not None and p_value <= false_alarms
    won = max(view.wins() for view in views)
    canary, stable = zip(*samples.pairs, strict=True)
    found = Compared(
        direction=compare.direction,
        pairs=len(samples.pairs),
        points=compare.points,
        canary_points=samples.canary_points,
        stable_points=samples.stable_points,
        canary_median=_shown(_median(canary)),
        stable_median=_shown(_median(stable)),
        worse_percent=_shown(_PERCENT * won / len(samples.pairs) ** 2),
        odds=_shown(odds),
        odds_limit=_shown(odds_limit),
        rule="sequential" if early else "waiting" if p_value is None else "rank_test",
        p_value=None if p_value is None else _shown(p_value),
        p_limit=_shown(false_alarms),
        tolerance_percent=compare.tolerance_percent,
        tolerance=compare.tolerance,
        side=_side(views, compare, early=early) if early or late else None,
        stable_values=_last(stable),
    )
    verdict: Literal["pass", "fail"] | None = "fail" if early or late else None if p_value is None else "pass"
    return Judged(verdict=verdict, found=found, canary_values=_last(canary))


def reason(judged: Judged) -> str:
    """One sentence for people, with the numbers."""
    found = judged.found
    medians = f"median {found.canary_median:g} against the stable's {found.stable_median:g} in {found.pairs} pairs"
    if found.rule == "waiting":
        return f"{found.pairs} of {found.points} pairs so far: {medians}"
    if found.rule == "sequential":
        return f"plainly worse: {medians}, odds of {found.odds:.0f} to 1 (limit {found.odds_limit:.0f})"
    says = "worse" if judged.verdict == "fail" else "not shown to be worse"
    return f"{says}: {medians}, p = {found.p_value:.2g} (limit {found.p_limit:g})"


def _views(pairs: Sequence[Pair], compare: Comparison) -> tuple[_Tested, ...]:
    share, least = compare.tolerance_percent / _PERCENT, compare.tolerance
    margins = [max(least, abs(stable) * share) for _, stable in pairs]
    views = []
    if compare.direction != "decrease":
        limit = tuple(stable + margin for (_, stable), margin in zip(pairs, margins, strict=True))
        views.append(_Tested("high", tuple(canary for canary, _ in pairs), limit))
    if compare.direction != "increase":
        limit = tuple(margin - stable for (_, stable), margin in zip(pairs, margins, strict=True))
        views.append(_Tested("low", tuple(-canary for canary, _ in pairs), limit))
    return tuple(views)


def _odds(views: tuple[_Tested, ...]) -> float:
    odds = [sequential.odds(_outcomes(view)) for view in views]
    # Two bets have two chances of a false alarm, so each of them has to win twice as much.
    return max(odds) / len(odds)


def _side(views: tuple[_Tested, ...], compare: Comparison, *, early: bool) -> Side:
    """Of the view that the test failed the canary by."""
    if early:
        return max(views, key=lambda view: sequential.odds(_outcomes(view))).side
    return max(views, key=lambda view: view.first(compare.points).wins()).side


def _outcomes(view: _Tested) -> list[int]:
    return [(canary > limit) - (canary < limit) for canary, limit in zip(view.canary, view.limit, strict=True)]


def _p_value(views: tuple[_Tested, ...], compare: Comparison) -> float:
    """Of the first `points` pairs only: a test for one look must not be looked at twice."""
    won = max(view.first(compare.points).wins() for view in views)
    return min(1.0, rank_test.p_value(won, compare.points) * len(views))


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _last(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(_shown(value) for value in values[-VALUES_KEPT:])


def _shown(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")

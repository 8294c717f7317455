"""The test that may stop at any pair: what a bet wins, and that looking after each pair costs no false alarms."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_metrics_analyzer.moments import MOMENTS_MAX
from tidegate_metrics_analyzer.sequential import money, odds


def integral(worse: int, better: int) -> Fraction:
    """Of (1+s)^worse (1-s)^better, multiplied out."""
    terms = {0: Fraction(1)}
    for sign in [1] * worse + [-1] * better:
        for power, factor in sorted(terms.items(), reverse=True):
            terms[power + 1] = terms.get(power + 1, Fraction(0)) + sign * factor
    return sum((factor / (power + 1) for power, factor in terms.items()), Fraction(0))


def test_the_money_is_the_integral_over_all_shares() -> None:
    for worse, better in product(range(8), range(8)):
        assert money(worse, better) == pytest.approx(float(integral(worse, better)), rel=1e-12)


def test_the_bet_is_fair() -> None:
    """Whatever was won so far, the next pair of equals leaves it as it is, on average."""
    for worse, better in product(range(30), range(30)):
        after = (money(worse + 1, better) + money(worse, better + 1)) / 2
        assert after == pytest.approx(money(worse, better), rel=1e-12)


@pytest.mark.parametrize("promised", [0.1, 0.01])
def test_no_more_false_alarms_than_promised_after_all_looks_together(promised: float) -> None:
    """Exactly, over all ways that 300 pairs of equals can go: not a simulation."""
    open_ways = {(0, 0): 1}
    alarmed = 0.0
    for pairs in range(1, 301):
        ways: dict[tuple[int, int], int] = {}
        for (worse, better), count in open_ways.items():
            for outcome in ((worse + 1, better), (worse, better + 1)):
                ways[outcome] = ways.get(outcome, 0) + count
        open_ways = {outcome: count for outcome, count in ways.items() if money(*outcome) < 1 / promised}
        alarmed += sum(count for outcome, count in ways.items() if outcome not in open_ways) / 2**pairs
    assert promised / 4 < alarmed <= promised


def test_a_plainly_bad_canary_is_seen_after_nine_pairs() -> None:
    assert odds([1] * 8) < 100 <= odds([1] * 9)
    assert odds([1, -1] * 100) < 3
    assert odds([0] * 100) == odds([]) == 1


@given(st.lists(st.sampled_from([-1, 0, 1]), max_size=80), st.data())
def test_a_worse_outcome_never_lowers_the_odds(outcomes: list[int], data: st.DataObject) -> None:
    if not outcomes:
        return
    index = data.draw(st.integers(0, len(outcomes) - 1))
    worse = [*outcomes]
    worse[index] = min(1, worse[index] + 1)
    assert odds(worse) >= odds(outcomes)
    assert odds([*outcomes, data.draw(st.sampled_from([-1, 0, 1]))]) >= odds(outcomes)


def test_the_longest_comparison_stays_within_numbers() -> None:
    assert money(MOMENTS_MAX, 0) > 1e290
    assert 0 < money(0, MOMENTS_MAX) < 1

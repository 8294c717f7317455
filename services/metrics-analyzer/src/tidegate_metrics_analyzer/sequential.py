"""A test that may be looked at after every pair and may stop at any of them. Pure; called by `comparison`.

Looking again and again at a p-value finds a false alarm sooner or later. This is a bet instead, as in Shafer, "Testing
by betting" (Journal of the Royal Statistical Society A 184, 2021), on one pair after the other: somebody stakes a share
of their money on the canary being the worse one. Where canary and stable are as good as each other they could as well
have changed places, so that the bet is fair whatever the values' distribution, and however the load drifts that both
share. By Ville's inequality (1939) the money then ever grows to X times the stake with a chance of 1/X at most: the
false-alarm rate holds for all looks together. Every share from nothing to everything is staked at once, in equal
parts, so that no size of the effect has to be guessed.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import comb


def odds(outcomes: Iterable[int]) -> float:
    """The most that the money has grown to on the way: each outcome is 1 (worse), -1 (better) or 0 (neither)."""
    worse = better = 0
    best = 1.0
    for outcome in outcomes:
        worse += outcome > 0
        better += outcome < 0
        best = max(best, money(worse, better))
    return best


@lru_cache(maxsize=32_768)
def money(worse: int, better: int) -> float:
    """What a stake of 1 has become: the integral of (1+s)^worse (1-s)^better over the shares s from 0 to 1."""
    pairs = worse + better
    term = total = 1
    for chosen in range(worse):
        term = term * (pairs + 1 - chosen) // (chosen + 1)
        total += term
    return total / ((pairs + 1) * comb(pairs, worse))

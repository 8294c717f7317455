"""The Mann-Whitney test: does one sample lie above another of the same size? Pure; called by `comparison`.

Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the other", Annals of
Mathematical Statistics 18 (1947). Ties count half and the distribution is the one without ties. That makes the test
conservative where there are many, and it keeps a promise that the usual correction for ties breaks: raising a value
of the first sample never raises the p-value. In plain Python, because scipy alone would take the service beyond its
limits of memory and start; the tests hold it against scipy.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

EXACT_SIZE_MAX: Final = 20
"""Beyond so many in each sample the normal approximation will do: far out it is a little larger, never smaller."""

_CONTINUITY: Final = 0.5


def wins(first: Sequence[float], second: Sequence[float]) -> float:
    """U: of all values taken two by two, how often the first sample's is the larger; ties count half."""
    ordered = sorted(second)
    return sum([bisect_left(ordered, value) + bisect_right(ordered, value) for value in first]) / 2


def p_value(won: float, size: int) -> float:
    """The chance of so many wins or more between two samples of the same kind, each of this size."""
    if size <= EXACT_SIZE_MAX:
        return _tails(size)[math.floor(won)]
    pairs = size * size
    deviation = math.sqrt(pairs * (2 * size + 1) / 12)
    return math.erfc((won - pairs / 2 - _CONTINUITY) / deviation / math.sqrt(2)) / 2


@lru_cache(maxsize=EXACT_SIZE_MAX)
def _tails(size: int) -> tuple[float, ...]:
    """For each number of wins, the share of all orders of two samples with so many or more.

    The orders are counted by the Gaussian binomial coefficient: one factor (1 - q^(size+i)) / (1 - q^i) after another.
    """
    orders = [1] + [0] * (size * size)
    for index in range(1, size + 1):
        for power in range(size * size, size + index - 1, -1):
            orders[power] -= orders[power - size - index]
        for power in range(index, size * size + 1):
            orders[power] += orders[power - index]
    total, left, tails = sum(orders), sum(orders), []
    for count in orders:
        tails.append(left / total)
        left -= count
    return tuple(tails)

"""The order that `sort` and `sortBy` bring items into. Pure; called by `looping` and `functions_collections`.

Up to a dozen items are sorted by insertion, as Go does, so that even NaN, which is in no order at all, ends up in the
same place.
"""

from functools import cmp_to_key
from typing import Final

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.equality import compare
from tidegate_metrics_analyzer.expr.values import Value

INSERTION_ITEMS_MAX: Final = 12


def sorted_positions(keys: list[Value], order: str, budget: Budget) -> list[int]:
    """Where each item comes from; equal ones keep their order."""
    budget.step(len(keys) * len(keys).bit_length())
    descending = order == "desc"

    def before(one: int, other: int) -> bool:
        return compare("<", keys[other], keys[one]) if descending else compare("<", keys[one], keys[other])

    if len(keys) > INSERTION_ITEMS_MAX:

        def order_of(one: int, other: int) -> int:
            return before(other, one) - before(one, other)

        return sorted(range(len(keys)), key=cmp_to_key(order_of))
    positions = list(range(len(keys)))
    for start in range(1, len(positions)):
        at = start
        while at > 0 and before(positions[at], positions[at - 1]):
            positions[at], positions[at - 1] = positions[at - 1], positions[at]
            at -= 1
    return positions

"""Which cases of a long table every `make test` plays, and which only `make test-thorough` does. Pure.

A table is rows by columns, such as scenarios by kinds. The slice is a diagonal: each row and each column is met about
equally often, and none is left out. Test files mark the others with `thorough`, by `sliced`.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
Label = Callable[[T], Hashable]


def in_slice(cases: Sequence[T], row: Label[T], column: Label[T], every: int) -> list[bool]:
    """Whether each case is played every time.

    Args:
        cases: The table's cells, in any order; not all need to be there.
        row: What its row is.
        column: What its column is.
        every: One cell in so many is played, and the first of each row and column that would go without.
    """
    rows = list(dict.fromkeys(map(row, cases)))
    columns = list(dict.fromkeys(map(column, cases)))
    chosen = [(rows.index(row(case)) + columns.index(column(case))) % every == 0 for case in cases]
    for label in (row, column):
        met = {label(case) for case, is_chosen in zip(cases, chosen, strict=True) if is_chosen}
        for number, case in enumerate(cases):
            if label(case) not in met:
                met.add(label(case))
                chosen[number] = True
    return chosen


def sliced(cases: Sequence[T], row: Label[T], column: Label[T], *, every: int, name: Callable[[T], str]) -> list[Any]:
    """The cases as parameters of a test, those outside the slice marked."""
    return [
        pytest.param(case, id=name(case), marks=() if is_chosen else pytest.mark.thorough)
        for case, is_chosen in zip(cases, in_slice(cases, row, column, every), strict=True)
    ]

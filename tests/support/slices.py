"""Which cases of a long table `make test` plays, which `make test-wide`, and which only `make test-thorough`. Pure.

A table is rows by columns, such as scenarios by kinds. A slice is a diagonal: each row and each column is met about
equally often, and none is left out. Test files mark the others with `wide` and `thorough`, by `sliced`.
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


def sliced(
    cases: Sequence[T], row: Label[T], column: Label[T], *, every: int, every_wide: int, name: Callable[[T], str]
) -> list[Any]:
    """The cases as parameters of a test, those outside the slices marked.

    Args:
        cases: As for `in_slice`, like `row` and `column`.
        row: What a case's row is.
        column: What its column is.
        every: One cell in so many is played by `make test`.
        every_wide: And one in so many, if not by that, by `make test-wide`.
        name: The case's part of the test's name.
    """
    chosen, wide = (in_slice(cases, row, column, each) for each in (every, every_wide))
    return [
        pytest.param(case, id=name(case), marks=() if first else pytest.mark.wide if second else pytest.mark.thorough)
        for case, first, second in zip(cases, chosen, wide, strict=True)
    ]

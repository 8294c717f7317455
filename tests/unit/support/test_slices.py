"""A slice of a table leaves out no row and no column, and about as much as it is told to."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from support.slices import in_slice, sliced

Cell = tuple[int, int]
tables = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 12)), min_size=1, unique=True)


def chosen_of(cells: Sequence[Cell], every: int) -> list[Cell]:
    chosen = in_slice(cells, lambda cell: cell[0], lambda cell: cell[1], every)
    return [cell for cell, is_chosen in zip(cells, chosen, strict=True) if is_chosen]


@given(tables, st.integers(1, 6))
def test_every_row_and_column_is_met(cells: list[Cell], every: int) -> None:
    chosen = chosen_of(cells, every)
    for axis in (0, 1):
        assert {cell[axis] for cell in chosen} == {cell[axis] for cell in cells}


def test_a_whole_table_is_cut_to_its_diagonals() -> None:
    cells = [(row, column) for row in range(20) for column in range(12)]
    assert len(chosen_of(cells, 4)) == len(cells) // 4
    assert chosen_of(cells, 1) == cells


def test_those_outside_are_marked_and_stay_in_the_table() -> None:
    cells = [(row, column) for row in range(6) for column in range(6)]
    parameters = sliced(cells, lambda cell: cell[0], lambda cell: cell[1], every=6, every_wide=3, name=str)
    assert [parameter.values[0] for parameter in parameters] == cells
    marks = {parameter.id: [mark.name for mark in parameter.marks] for parameter in parameters}
    assert [name for name, marked in marks.items() if not marked] == [str((row, -row % 6)) for row in range(6)]
    assert [name for name, marked in marks.items() if marked == ["wide"]] == [
        str((row, (3 - row) % 6)) for row in range(6)
    ]
    assert sum(marked == ["thorough"] for marked in marks.values()) == 24

"""A small run of the published simulation: the promised false-alarm rate holds, and plainly bad canaries are failed."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tidegate_bench.judge_plot import plot
from tidegate_bench.judge_rates import FACTORS, SIZES, Cell, Rate, measured, table
from tidegate_bench.judge_shapes import SHAPES

RUNS = 400
PROMISED_PERCENT = 2.0
TOLERATED = 1.1
"""Times larger: what a check's default tolerance still allows."""


@pytest.mark.parametrize("factor", [1.0, TOLERATED])
@pytest.mark.parametrize("shape", [shape.name for shape in SHAPES if shape.keeps_promise])
def test_a_good_canary_is_failed_no_more_often_than_promised(shape: str, factor: float) -> None:
    """Twice as often in so few runs would be a chance of less than 1 in 100; the seed makes it the same each time."""
    assert measured(Cell(shape, 20, factor), RUNS).failed_percent <= 2 * PROMISED_PERCENT


@pytest.mark.parametrize(("shape", "factor"), [("normal", 1.25), ("drifting load", 2.0), ("lognormal", 2.0)])
def test_a_bad_canary_is_failed(shape: str, factor: float) -> None:
    rate = measured(Cell(shape, 50, factor), RUNS)
    assert rate.failed_percent > 95
    assert 0 < rate.early_percent <= rate.failed_percent


def test_the_same_run_finds_the_same() -> None:
    cell = Cell("bursty", 20, 2.0)
    assert measured(cell, 100) == measured(cell, 100)


def test_the_published_table_and_plot_are_of_this_program() -> None:
    docs = Path(__file__).parents[3] / "docs"
    rates = [
        Rate(Cell(shape.name, points, factor), 0.0, 0.0) for shape in SHAPES for points in SIZES for factor in FACTORS
    ]
    rows = [line.split("|")[1:3] for line in table(rates).splitlines()]
    published = [line.split("|")[1:3] for line in (docs / "analysis.md").read_text().splitlines()]
    assert all(row in published for row in rows)
    curves = {shape.name: {size: [(factor, 50.0) for factor in FACTORS] for size in SIZES} for shape in SHAPES}
    drawn, kept = (ET.fromstring(text) for text in (plot(curves), (docs / "judge-rates.svg").read_text()))
    assert [node.tag for node in drawn.iter()] == [node.tag for node in kept.iter()]

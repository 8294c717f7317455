"""How often a comparison fails a good canary and passes a bad one, measured by simulation.

`python -m tidegate_bench.judge_rates DIRECTORY` (`make judge-rates`) writes the table and the plot of docs/analysis.md.
It judges seeded samples with the analyzer's own judge, exactly as a check with these fields does.
"""

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice, product
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from tidegate_bench.judge_plot import plot
from tidegate_bench.judge_shapes import SHAPES, Shape
from tidegate_contracts.comparison import Comparison
from tidegate_metrics_analyzer.comparison import Samples, judge

RUNS: Final = 10_000
SIZES: Final = (10, 20, 50)
FACTORS: Final = (1.0, 1.1, 1.25, 1.5, 2.0)
EQUAL: Final = 1.0
TABLE: Final = "judge-rates.md"
PLOT: Final = "judge-rates.svg"
SEED: Final = 7


class Cell(NamedTuple):
    """One row's part of the table: a shape, a number of pairs, and how many times larger the canary's values are."""

    shape: str
    points: int
    factor: float


class Rate(NamedTuple):
    cell: Cell
    failed_percent: float
    early_percent: float
    """Of all runs, those that the sequential test ended."""


def measured(cell: Cell, runs: int = RUNS) -> Rate:
    shape = next(shape for shape in SHAPES if shape.name == cell.shape)
    random = Random(f"{SEED} {cell}")  # noqa: S311 - a simulation, to be repeated
    rules = [_rule(shape, cell, random) for _ in range(runs)]
    failed = [rule for rule in rules if rule]
    return Rate(cell, 100 * len(failed) / runs, 100 * failed.count("sequential") / runs)


def _rule(shape: Shape, cell: Cell, random: Random) -> str:
    """What failed the canary; empty where it passed."""
    pairs = tuple(islice(shape.pairs(random, cell.factor), cell.points))
    samples = Samples(pairs=pairs, canary_points=len(pairs), stable_points=len(pairs))
    # Between equals the tolerance would hide what the tests themselves promise.
    tolerance = {"tolerance_percent": 0.0} if cell.factor == EQUAL else {}
    compare = Comparison(direction="increase", points=cell.points, **tolerance)
    judged = judge(samples, compare)
    return judged.found.rule if judged.verdict == "fail" else ""


def table(rates: Iterable[Rate]) -> str:
    """In Markdown: a row for each shape and size, a column for each factor."""
    found = {rate.cell: rate for rate in rates}
    lines = [
        "| shape | pairs | " + " | ".join(_heading(factor) for factor in FACTORS) + " |",
        "| --- | --- |" + " --- |" * len(FACTORS),
    ]
    for shape, points in product(SHAPES, SIZES):
        row = [found[Cell(shape.name, points, factor)] for factor in FACTORS]
        lines.append(f"| {shape.name} | {points} | " + " | ".join(_shown(rate) for rate in row) + " |")
    return "\n".join(lines) + "\n"


def _heading(factor: float) -> str:
    return "equal" if factor == EQUAL else f"x {factor:g}"


def _shown(rate: Rate) -> str:
    early = f" ({rate.early_percent:.1f})" if rate.early_percent else ""
    return f"{rate.failed_percent:.2f}{early}"


def main(directory: Path) -> None:
    cells = [Cell(shape.name, points, factor) for shape in SHAPES for points in SIZES for factor in FACTORS]
    with ProcessPoolExecutor(max_workers=2) as workers:
        rates = list(workers.map(measured, cells))
    (directory / TABLE).write_text(table(rates), encoding="utf-8")
    curves = {
        shape.name: {
            points: [(rate.cell.factor, rate.failed_percent) for rate in rates if rate.cell[:2] == (shape.name, points)]
            for points in SIZES
        }
        for shape in SHAPES
    }
    (directory / PLOT).write_text(plot(curves), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The matrix of kind, style and scenario: which cases there are, and their results as a table.

The conformance kit's conftest asks for the cases and prints the table; `--matrix-out` keeps it in docs/kinds-matrix.md.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from support.kinds import Kind
from support.scenarios import SCENARIOS, pairs
from tidegate_contracts.rollout import Style

SIGNS: Final = {"passed": "kept", "failed": "BROKEN"}
NOT_PLAYED: Final = "."
TITLE: Final = "every kind and style by every scenario, on the real controllers"


class Case(NamedTuple):
    kind: Kind
    style: Style
    scenario: str

    @property
    def column(self) -> str:
        return self.kind.label if self.style == "partition" else f"{self.kind.label}, {self.style}"

    @property
    def id(self) -> str:
        return f"{self.column.replace(', ', '-')}-by-{self.scenario.replace(',', '').replace(' ', '-')}"


def cases(kinds: Iterable[Kind]) -> list[Case]:
    """All of them, in the order of the scenarios: those of one kind don't all come at once."""
    found = [Case(kind, style, scenario) for kind in kinds for style, scenario in pairs(kind)]
    return sorted(found, key=lambda case: list(SCENARIOS).index(case.scenario))


class Results(NamedTuple):
    """Args:
    signs: What became of each case, by scenario and then by column.
    """

    signs: Mapping[str, Mapping[str, str]]

    @property
    def played(self) -> int:
        return sum(sign != NOT_PLAYED for row in self.signs.values() for sign in row.values())

    @property
    def kept(self) -> int:
        return sum(sign == SIGNS["passed"] for row in self.signs.values() for sign in row.values())

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(column for row in self.signs.values() for column in row))

    @property
    def rows(self) -> list[list[str]]:
        """By column, every scenario's sign; a dash where it makes no sense, a dot where it was not played."""
        return [
            [scenario, *(self.signs[scenario].get(column, "-") for column in self.columns)]
            for scenario in SCENARIOS
            if scenario in self.signs
        ]

    def text(self) -> list[str]:
        """For a terminal: lines of which the first heads the columns, each of them under a number."""
        columns = self.columns
        width = max(map(len, self.signs))
        legend = [f"{number:>2}  {column}" for number, column in enumerate(columns, start=1)]
        legend.append(f" {NOT_PLAYED}  not played in this run, `make test-thorough` does; -  makes no sense")
        head = " ".join(f"{number:>6}" for number in range(1, len(columns) + 1))
        lines = [f"{row[0]:{width}} {' '.join(f'{cell:>6}' for cell in row[1:])}" for row in self.rows]
        return [*legend, f"{'':{width}} {head}", *lines]

    def page(self, said: str) -> str:
        """As a page of the docs; `said` tells when and how it was found."""
        head = ["scenario", *(column.replace(", ", "<br>") for column in self.columns)]
        lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *self.rows)]
        return "\n".join(["# The matrix, as last played", "", said, "", *lines, ""])


def results(found: Iterable[tuple[Case, str]], known: Iterable[Case]) -> Results:
    """Put the cases with their outcomes together.

    Args:
        found: Those that were played, each with its outcome.
        known: All that there are.
    """
    signs: dict[str, dict[str, str]] = {}
    for case in known:
        signs.setdefault(case.scenario, {})[case.column] = NOT_PLAYED
    for case, outcome in found:
        signs[case.scenario][case.column] = SIGNS[outcome]
    return Results(signs)

"""The page's examples are such as would be accepted, and its score comes out as the page's table says."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml

from tidegate_contracts.codec import decode_request
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.score import Classification
from tidegate_contracts.validate import validate
from tidegate_metrics_analyzer import scoring

PAGE = (Path(__file__).parents[3] / "docs" / "analysis.md").read_text()
_, SECTION = PAGE.split("## Many checks, one score\n")
_, EXAMPLE, *_ = re.split(r"```(?:yaml)?\n", SECTION)
ANALYSIS = msgspec.convert(yaml.safe_load(EXAMPLE)["analysis"], Analysis)
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in re.findall(r"^\|.*\|$", SECTION, re.MULTILINE)
]
OUTCOMES = [row for row in ROWS if row[0] in ("pass", "high", "low", "no data")]


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_an_example_would_be_accepted(example: str) -> None:
    document = {
        "workload": {"name": "web"},
        "change": {"images": {"web": "web:v2"}},
        "steps": [{"replicas": "20%", **yaml.safe_load(example)}],
    }
    assert validate(decode_request(msgspec.json.encode(document)), "shop") == ()


assert len(OUTCOMES) == 9, "the table is read whole"


@pytest.mark.parametrize("row", OUTCOMES, ids=lambda row: ", ".join(row[:4]))
def test_the_table_says_what_comes_out(row: list[str]) -> None:
    assert ANALYSIS.score is not None
    kinds = {scoring.words(kind): kind for kind in get_args(Classification)}
    classifications = [*(kinds[cell] for cell in row[:4]), "undecided"]
    found = scoring.scored(scoring.Counted(ANALYSIS.score, ANALYSIS.checks), classifications)
    bounds = (found.score,) if found.score == found.best_score else (found.score, found.best_score)
    assert (row[4], row[5]) == (" to ".join(f"{one:g}" for one in bounds), scoring.verdict(found) or "none yet")

"""The conformance kit of workload kinds: which kinds are played, and their matrix at the end of a run.

All built-in kinds, or the one of `--workload-kind FILE:NAME`; the services/workload-controller's README tells how.
"""

import datetime as dt
import os
import time
from operator import attrgetter
from pathlib import Path
from typing import Final

import pytest
from support.kinds import DEPLOYMENT, PARTITIONED, load
from support.matrix import SIGNS, TITLE, Case, Results, cases, results
from support.slices import sliced

KIND: Final = "--workload-kind"
OUT: Final = "--matrix-out"
EVERY: Final = 12
"""Of the matrix, one case in so many is played by `make test`."""

EVERY_WIDE: Final = 6
"""And one in so many by that and `make test-wide` together."""

STARTED_S: Final = time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(KIND, metavar="FILE:NAME", help="play this Kind of tests/support/kinds.py instead of all")
    parser.addoption(OUT, metavar="FILE", type=Path, help="write the run's matrix to this page, too")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        found = _cases(metafunc.config)
        by_scenario, by_column = attrgetter("scenario"), attrgetter("column")
        slices = sliced(found, by_scenario, by_column, every=EVERY, every_wide=EVERY_WIDE, name=attrgetter("id"))
        metafunc.parametrize("case", slices)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    known = {case.id: case for case in _cases(config)}
    played = [
        (known[report.nodeid.partition("[")[2].removesuffix("]")], outcome)
        for outcome in SIGNS
        for report in terminalreporter.stats.get(outcome, ())
        if "test_case_of_the_matrix[" in report.nodeid
    ]
    if not played:
        return
    found = results(played, known.values())
    terminalreporter.section(TITLE)
    for line in (*found.text(), "", _figures(found)):
        terminalreporter.line(line)
    out: Path | None = config.getoption(OUT, default=None)
    if out is not None:
        out.write_text(found.page(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}: {_figures(found)}"))


def _cases(config: pytest.Config) -> list[Case]:
    asked = config.getoption(KIND, default=None)
    return cases((DEPLOYMENT, *PARTITIONED) if asked is None else (load(asked),))


def _figures(found: Results) -> str:
    took_s, cores = time.monotonic() - STARTED_S, len(os.sched_getaffinity(0))
    return f"{found.kept} of {found.played} cases kept, in a run of {took_s:.0f} s on {cores} cores."

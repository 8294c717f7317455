"""Prints the matrix of kinds by scenarios at the end of a run that played it."""

import pytest
from support.scenarios import SCENARIOS

SIGNS = {"passed": "kept", "failed": "BROKEN"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found: dict[str, dict[str, str]] = {}
    for outcome, sign in SIGNS.items():
        for report in terminalreporter.stats.get(outcome, ()):
            if "test_kind_by_scenario[" in report.nodeid:
                case = report.nodeid.partition("[")[2].removesuffix("]")
                scenario = next(each for each in SCENARIOS if case.endswith(f"-by-{each.replace(' ', '-')}"))
                kind = case.removesuffix(f"-by-{scenario.replace(' ', '-')}")
                found.setdefault(scenario, {})[kind] = sign
    if not found:
        return
    kinds = sorted({kind for row in found.values() for kind in row})
    width = max(map(len, SCENARIOS))
    terminalreporter.section("every kind by every scenario, on the real controllers")
    terminalreporter.line(f"{'':{width}}  {'  '.join(kinds)}")
    for scenario, row in found.items():
        cells = "  ".join(f"{row.get(kind, '-'):{len(kind)}}" for kind in kinds)
        terminalreporter.line(f"{scenario:{width}}  {cells}")

"""The conformance kit of workload kinds: which kinds are played, and their matrix at the end of a run.

All built-in kinds, or the one of `--workload-kind FILE:NAME`; the services/workload-controller's README tells how.
"""

import pytest
from support.kinds import DEPLOYMENT, PARTITIONED, load
from support.scenarios import SCALING, SCENARIOS

SIGNS = {"passed": "kept", "failed": "BROKEN"}
OPTION = "--workload-kind"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, metavar="FILE:NAME", help="play this Kind of tests/support/kinds.py instead of all")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if not {"kind", "scenario"} <= set(metafunc.fixturenames):
        return
    asked = metafunc.config.getoption(OPTION, default=None)
    cases = [
        pytest.param(kind, name, id=f"{kind.label}-by-{name.replace(' ', '-')}")
        for kind in ((DEPLOYMENT, *PARTITIONED) if asked is None else (load(asked),))
        for name in SCENARIOS
        if kind.scales or name not in SCALING
    ]
    metafunc.parametrize(("kind", "scenario"), cases)


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

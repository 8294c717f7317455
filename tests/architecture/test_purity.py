"""The modules that decide have no clock, no randomness and no way out: what says that it is pure, is."""

import ast
import re
from collections.abc import Iterator

import pytest
from support.sources import Source, package_sources

CLAIM = re.compile(r"\bPure(?=[.,;:])")
"""A docstring that says it of its own module starts a sentence with it."""

FORBIDDEN_MODULES = frozenset(
    {
        *("aiohttp", "asyncio", "faststream", "http", "io", "kubernetes_asyncio", "logging", "nats", "os", "pathlib"),
        *("prometheus_client", "random", "secrets", "selectors", "shutil", "signal", "socket", "ssl", "structlog"),
        *("subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid", "uvicorn"),
    }
)
FORBIDDEN_CALLS = frozenset({"now", "utcnow", "today", "open", "print", "input", "eval", "exec", "uuid4", "getenv"})
MUST_BE_PURE = (
    "tidegate_contracts.names",
    "tidegate_contracts.plan",
    "tidegate_contracts.subjects",
    "tidegate_contracts.validate",
    "tidegate_orchestrator.decide",
    "tidegate_orchestrator.evolve",
    "tidegate_orchestrator.fold",
    "tidegate_orchestrator.orders",
    "tidegate_orchestrator.state",
    "tidegate_workload_controller.batch",
    "tidegate_workload_controller.convergence",
    "tidegate_traffic_shifter.backends",
    "tidegate_traffic_shifter.matches",
    "tidegate_traffic_shifter.worded_rules",
    "tidegate_metrics_analyzer.judge",
    "tidegate_metrics_analyzer.reading",
    "tidegate_metrics_analyzer.window",
    "tidegate_sandbox.podlet.lifecycle",
)
PURE = [
    source
    for source in package_sources()
    if source.module in MUST_BE_PURE or (CLAIM.search(source.docstring) and source.path.name != "__init__.py")
]


def test_the_deciding_modules_are_where_they_are_looked_for() -> None:
    assert set(MUST_BE_PURE) <= {source.module for source in PURE}


@pytest.mark.parametrize("source", PURE, ids=lambda source: source.module)
def test_a_pure_module_imports_no_way_out(source: Source) -> None:
    found = {name for name in source.imports() if _is_under(name, FORBIDDEN_MODULES)}
    assert found == set(), f"{source.shown} says that it is pure"


@pytest.mark.parametrize("source", PURE, ids=lambda source: source.module)
def test_a_pure_module_asks_for_no_clock_and_waits_for_nothing(source: Source) -> None:
    assert list(_impurities(source.tree)) == [], f"{source.shown} says that it is pure"


def test_the_check_sees_what_it_forbids() -> None:
    code = "import os.path\nasync def f():\n    await g()\n    return datetime.now(UTC), open('x')\n"
    source = Source(PURE[0].path, "m", code, ast.parse(code))
    assert {name for name in source.imports() if _is_under(name, FORBIDDEN_MODULES)} == {"os.path"}
    assert sorted(line for line, _ in _impurities(source.tree)) == [2, 3, 4, 4]


def _impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Global):
            yield node.lineno, type(node).__name__
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in FORBIDDEN_CALLS:
                yield node.lineno, f"{called}()"


def _is_under(name: str, modules: frozenset[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)

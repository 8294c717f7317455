"""Who imports whom: the contracts of .importlinter, and what they can't say.

The demo writes one subject out on purpose: it publishes its request as an outsider without our packages would.
"""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from support.sources import MEMBERS, REPOSITORY, TOOLS, Source, package_names, package_sources, sources_of

CONTRACTS_MAY_USE = frozenset({"msgspec"})
FOR_PLUGINS = {"tidegate_traffic_shifter.conformance", "tidegate_metrics_analyzer.conformance"}
"""Called by the tests of plugins' authors, and by ours."""
RUN_AS_COMMANDS = frozenset({"tidegate_bench.judge_rates", "tidegate_contracts.schema", "tidegate_chassis.topology"})
BUS_LITERAL = re.compile(r"""["']f?\$JS\.|["']tidegate\.(?:events|orders|requests|controls|timers|telemetry|dead)\.""")
BUS_LITERALS_MAY_BE_IN = ("tidegate_contracts.", "tidegate_chassis.")


def test_the_import_contracts_are_kept() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(
        [*command, "--no-logo", "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_use_msgspec_alone() -> None:
    used = {name for source in sources_of("tidegate_contracts") for name in _third_party(source)}
    assert used - {"tidegate_contracts"} == CONTRACTS_MAY_USE


@pytest.mark.parametrize("member", [*MEMBERS, *TOOLS])
def test_a_member_declares_all_that_it_imports(member: str) -> None:
    """So that each installs and runs on its own, not only in the shared environment."""
    project = tomllib.loads((REPOSITORY / member / "pyproject.toml").read_text())["project"]
    extras = project.get("optional-dependencies", {}).values()
    declared = {_normal(text) for group in (project.get("dependencies", ()), *extras) for text in group}
    package = project["name"].replace("-", "_")
    distributions = packages_distributions()
    missing = {
        name: sorted(distributions.get(name, [name]))
        for source in sources_of(package)
        for name in _third_party(source) - {package}
        if not declared & {_normal(found) for found in distributions.get(name, [name])}
    }
    assert missing == {}


def test_nothing_imports_a_services_composition_root() -> None:
    found = {
        (source.module, name)
        for source in package_sources()
        for name in source.imports()
        if re.fullmatch(r"tidegate_(?!cli)\w+\.app", name) and not source.module.endswith(".__main__")
    }
    assert found == set()


def test_subjects_are_put_together_in_one_place_only() -> None:
    found = [
        f"{source.shown}:{number}: {line.strip()}"
        for source in package_sources()
        if not source.module.startswith((*BUS_LITERALS_MAY_BE_IN, "tidegate_demo."))
        for number, line in enumerate(source.text.splitlines(), start=1)
        if BUS_LITERAL.search(line)
    ]
    assert found == []


def test_every_module_is_used_by_something() -> None:
    used = {name for source in package_sources() for name in source.imports()} | set(_entry_points())
    unused = {
        source.module
        for source in package_sources()
        if source.module not in used and "." in source.module and not source.module.endswith("__main__")
        if source.path.name != "__init__.py"
    }
    assert unused - RUN_AS_COMMANDS - FOR_PLUGINS == set()


def _third_party(source: Source) -> set[str]:
    tops = {name.partition(".")[0] for name in source.imports()}
    return {name for name in tops if name not in sys.stdlib_module_names}


def _normal(requirement: str) -> str:
    """A requirement's project name, as names are compared."""
    name = re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _entry_points() -> list[str]:
    points: list[str] = []
    for member in (*MEMBERS, *TOOLS):
        project = tomllib.loads((REPOSITORY / member / "pyproject.toml").read_text())["project"]
        groups = [project.get("scripts", {}), *project.get("entry-points", {}).values()]
        points += [value.partition(":")[0] for group in groups for value in group.values()]
    assert package_names()
    return points

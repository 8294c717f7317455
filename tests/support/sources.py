"""Our own source files, parsed once: what the architecture tests look through."""

import ast
import functools
import subprocess
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
MEMBERS = ("contracts", *sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("services/*")))
TOOLS = ("deploy/sandbox", "deploy/demo", "bench")


class Source(NamedTuple):
    """One Python file; `module` is its dotted name, or its path where it is none of a package's."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    @property
    def shown(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    def imports(self) -> dict[str, int]:
        """Every module that is imported anywhere in the file, with a line where it is."""
        found: dict[str, int] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name: node.lineno for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module] = node.lineno
                found |= {f"{node.module}.{alias.name}": node.lineno for alias in node.names}
        return found


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """What the repository holds, as far as it is not ignored; files that are not added yet included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True)
    return tuple(path for name in listed.stdout.split("\0") if name and (path := REPOSITORY / name).is_file())


@functools.cache
def all_sources() -> tuple[Source, ...]:
    return tuple(_parsed(path) for path in tracked_files() if path.suffix == ".py")


@functools.cache
def package_sources() -> tuple[Source, ...]:
    """The members' and tools' own modules, without tests."""
    return tuple(source for source in all_sources() if "/" not in source.module)


@functools.cache
def package_names() -> frozenset[str]:
    return frozenset(source.module.partition(".")[0] for source in package_sources())


def sources_of(package: str) -> tuple[Source, ...]:
    return tuple(source for source in package_sources() if source.module.partition(".")[0] == package)


def _parsed(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path, _module_name(path), text, ast.parse(text, filename=str(path)))


def _module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    if "src" not in parts:
        return str(path.relative_to(REPOSITORY))
    below = parts[parts.index("src") + 1 :]
    return ".".join(below[:-1] if below[-1] == "__init__" else below)

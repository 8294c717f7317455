"""Copies the YAML that a Go module carries (its CRDs and roles) into the cache, as one JSON object a line.

Called by `builder` while the module is at hand; a starting sandbox then posts the lines without a YAML parser,
which would take seconds for the megabyte of Gateway API.
"""

import subprocess
from pathlib import Path

import msgspec
import yaml

from tidegate_sandbox.toolchain.recipes import Recipe


def collect(recipe: Recipe, go: Path, pins: Path, environment: dict[str, str], destination: Path) -> None:
    """Write `destination/<file>` for each of the recipe's manifests."""
    if not recipe.manifests:
        return
    module = module_directory(recipe.manifests_module, go, pins, environment)
    destination.mkdir()
    for name, sources in recipe.manifests.items():
        files = [file for source in sources for file in sorted(module.glob(source))]
        documents = [document for file in files for document in documents_of(file)]
        (destination / name).write_bytes(b"".join(msgspec.json.encode(d) + b"\n" for d in documents))


class _Module(msgspec.Struct, frozen=True):
    directory: str = msgspec.field(name="Dir")


def module_directory(module: str, go: Path, pins: Path, environment: dict[str, str]) -> Path:
    """Where the module is, downloaded where no build has done that before."""
    answer = subprocess.run(
        [go, "mod", "download", "-json", module],
        cwd=pins,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return Path(msgspec.json.decode(answer.stdout, type=_Module).directory)


def documents_of(source: Path) -> list[object]:
    """Every non-empty document of a YAML file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with source.open("rb") as text:
        return [document for document in yaml.load_all(text, Loader=loader) if document]

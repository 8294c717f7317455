"""What a resource's definition says of each field, flat, so that two of them can be compared: Kruise's own with ours.

Run as a program (PYTHONPATH=tests python -m support.definition_fields DIRECTORY) it derives the table of Kruise's that
tests read, golden/definition_fields.json, from the directory config/crd/bases of the version that `SOURCE` names.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

SOURCE: Final = "github.com/openkruise/rollouts v0.6.2, config/crd/bases"
PLURALS: Final = ("rollouts", "batchreleases", "rollouthistories", "trafficroutings")
NOT_RULES: Final = frozenset({"description", "properties", "items", "additionalProperties"})

Rules = dict[str, Any]
Fields = dict[str, Rules]


def fields_of(definition: dict[str, Any]) -> dict[str, Fields]:
    """By version: each field's rules by its path."""
    versions = definition["spec"]["versions"]
    return {each["name"]: dict(_fields(each["schema"]["openAPIV3Schema"], "")) for each in versions}


def _fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, Rules]]:
    yield path, {name: _unordered(name, rule) for name, rule in schema.items() if name not in NOT_RULES}
    for name, part in schema.get("properties", {}).items():
        yield from _fields(part, f"{path}.{name}")
    for suffix, part in (("[]", schema.get("items")), ("{}", schema.get("additionalProperties"))):
        if isinstance(part, dict):
            yield from _fields(part, path + suffix)


def _unordered(name: str, rule: Any) -> Any:
    return sorted(rule) if name in {"required", "enum"} else rule


def _table(directory: Path) -> str:
    lines = [f'"source": {json.dumps(SOURCE)}']
    for plural in PLURALS:
        found = fields_of(yaml.safe_load((directory / f"rollouts.kruise.io_{plural}.yaml").read_text(encoding="utf-8")))
        for version, fields in found.items():
            rules = ",\n".join(f" {json.dumps(path)}: {json.dumps(rule)}" for path, rule in fields.items())
            lines.append(f'"{plural} {version}": {{\n{rules}\n}}')
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    print(_table(Path(sys.argv[1])))  # noqa: T201 - its output is the table

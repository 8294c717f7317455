"""JSON Schemas and the AsyncAPI document out of the messages: `python -m tidegate_contracts.schema write|check [DIR]`.

What is generated is committed beside the code (contracts/schemas), for people and programs that don't speak Python; a
test and `check` find any drift.
"""

import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from tidegate_contracts.asyncapi import asyncapi
from tidegate_contracts.codec import tag_of
from tidegate_contracts.registry import CLASSES, CLOSED, Kind

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DIRECTORY: Final = Path(__file__).parents[2] / "schemas"
ASYNCAPI_FILE: Final = "asyncapi.json"


def message_schema(kind: Kind, *, closed: bool) -> dict[str, Any]:
    """One message's JSON Schema, complete in itself."""
    _, components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    if closed:
        for component in components.values():
            if "properties" in component:
                component["additionalProperties"] = False
    root = components.pop(kind.__name__)
    schema = {"$schema": DIALECT, "$id": f"urn:tidegate:{tag_of(kind)}", **root}
    return {**schema, "$defs": dict(sorted(components.items()))} if components else schema


def documents() -> dict[str, bytes]:
    """Every generated file's content, by its name."""
    schemas = {
        f"{tag_of(kind)}.json": message_schema(kind, closed=name in CLOSED)
        for name, kinds in CLASSES.items()
        for kind in kinds
    }
    return {name: _text(document) for name, document in {**schemas, ASYNCAPI_FILE: asyncapi()}.items()}


def _text(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def write(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for name, content in wanted.items():
        (directory / name).write_bytes(content)
    for stale in set(directory.glob("*.json")) - {directory / name for name in wanted}:
        stale.unlink()


def drift(directory: Path) -> list[str]:
    """The files that are not as the messages are; none means that they agree."""
    wanted = documents()
    present = {path.name: path.read_bytes() for path in directory.glob("*.json")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main(arguments: list[str]) -> int:
    usage = "usage: python -m tidegate_contracts.schema write|check [DIRECTORY]\n"
    match arguments:
        case ["write", *rest] if len(rest) <= 1:
            write(Path(rest[0]) if rest else DIRECTORY)
            return 0
        case ["check", *rest] if len(rest) <= 1:
            found = drift(Path(rest[0]) if rest else DIRECTORY)
            for name in found:
                sys.stderr.write(
                    f"{name} is not as the messages are; run `python -m tidegate_contracts.schema write`\n"
                )
            return 1 if found else 0
        case _:
            sys.stderr.write(usage)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

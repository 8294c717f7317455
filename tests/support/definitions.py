"""The definitions of our resources as tests read them: which fields an object of a kind may have."""

import functools
from collections.abc import Iterator
from typing import Any, Final

import jsonschema
import yaml

from support.nats import REPOSITORY

DIRECTORY: Final = REPOSITORY / "deploy" / "kubernetes" / "crds"

Schema = dict[str, Any]


@functools.cache
def schema(plural: str, part: str, version: str = "v1beta1") -> Schema:
    """Of the `spec` or the `status` of a kind."""
    versions = yaml.safe_load((DIRECTORY / f"{plural}.yaml").read_text())["spec"]["versions"]
    whole = next(each for each in versions if each["name"] == version)["schema"]["openAPIV3Schema"]
    found: Schema = whole["properties"][part]
    return found


def complaints(value: Any, known: Schema) -> list[str]:
    """What the API server would refuse of a value, or drop: what it drops would be written again and again."""
    refused = [error.message for error in jsonschema.Draft7Validator(known).iter_errors(value)]
    return [*refused, *_dropped(value, known)]


def _dropped(value: Any, known: Schema) -> Iterator[str]:
    if known.get("x-kubernetes-preserve-unknown-fields"):
        return
    for name, part in value.items() if isinstance(value, dict) else ():
        properties = known.get("properties", {})
        if name in properties:
            yield from _dropped(part, properties[name])
        elif "additionalProperties" not in known:
            yield name
    for part in value if isinstance(value, list) else ():
        yield from _dropped(part, known["items"])

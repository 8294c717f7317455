"""Versioned objects in memory, as the API server keeps them, by which tests let copies share for many hours."""

import copy
from typing import Any

import msgspec

from tidegate_chassis.errors import Conflict, ConflictCause
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource


class SecretShelf:
    """Takes a write only if it was decided on the version that is there."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.written: list[str] = []
        self._version = 0

    def put(self, resource: Resource, name: str, body: dict[str, Any]) -> None:
        self._version += 1
        self.written.append(name)
        metadata = {**body.get("metadata", {}), "name": name, "resourceVersion": str(self._version)}
        self.objects[resource.plural, name] = copy.deepcopy(body) | {"metadata": metadata}

    async def get(self, resource: Resource, namespace: str | None, name: str) -> bytes | NotFound:
        found = self.objects.get((resource.plural, name))
        return NotFound(resource.api_version, namespace, name) if found is None else msgspec.json.encode(found)

    async def create(self, resource: Resource, _namespace: str | None, body: Any, *, name: str = "") -> bytes:
        if (resource.plural, name) in self.objects:
            raise Conflict("it is there", cause=ConflictCause.EXISTS)
        self.put(resource, name, body)
        return msgspec.json.encode(self.objects[resource.plural, name])

    async def patch(
        self, resource: Resource, namespace: str | None, name: str, body: Any, *, style: PatchStyle
    ) -> bytes | NotFound:
        assert style is PatchStyle.MERGE
        found = self.objects.get((resource.plural, name))
        if found is None:
            return NotFound(resource.api_version, namespace, name)
        if body["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            raise Conflict("it has changed", cause=ConflictCause.STALE)
        self.put(resource, name, _merged(found, body))
        return msgspec.json.encode(self.objects[resource.plural, name])


def _merged(old: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged

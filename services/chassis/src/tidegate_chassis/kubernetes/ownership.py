"""Who owns an object's fields, by the managed fields that the API server keeps, and giving ownership up again. Pure.

Services ask it who wrote what they found changed, and at last take their own name off what is the user's again: whoever
applies it on the server's side would be told of a conflict otherwise, with somebody who is gone.
"""

from typing import Any

import msgspec

from tidegate_chassis.kubernetes.objects import ObjectMeta

__all__ = ["ManagedFields", "Owned", "OwnedMeta", "disowning", "own_entries"]


class ManagedFields(msgspec.Struct, frozen=True, rename="camel"):
    manager: str = ""
    time: str = ""
    subresource: str = ""
    fields_v1: dict[str, Any] = msgspec.field(name="fieldsV1", default_factory=dict)


class OwnedMeta(ObjectMeta, frozen=True, rename="camel"):
    managed_fields: tuple[ManagedFields, ...] = ()


class Owned(msgspec.Struct, frozen=True):
    """Any object, read only for who owns its fields: caches have no room for that."""

    metadata: OwnedMeta = OwnedMeta()


def own_entries(entries: tuple[ManagedFields, ...], manager: str) -> tuple[int, ...]:
    """Where the entries stand that name us as an owner."""
    return tuple(place for place, entry in enumerate(entries) if entry.manager == manager)


def disowning(entries: tuple[int, ...], manager: str) -> list[dict[str, Any]]:
    """A JSON patch: no entries of ours, as long as these stand where they were seen; the last ones go first."""
    return [
        each
        for place in sorted(entries, reverse=True)
        for each in (
            {"op": "test", "path": f"/metadata/managedFields/{place}/manager", "value": manager},
            {"op": "remove", "path": f"/metadata/managedFields/{place}"},
        )
    ]

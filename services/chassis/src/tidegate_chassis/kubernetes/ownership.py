"""Who owns an object's fields, by the managed fields that the API server keeps, and giving ownership up again. Pure.

Services ask it who wrote what they found changed, and at last take their own name off what is the user's again: whoever
applies it on the server's side would be told of a conflict otherwise, with somebody who is gone.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tidegate_chassis.kubernetes.objects import ObjectMeta

__all__ = ["ManagedFields", "Owned", "OwnedMeta", "disowning", "own_entries", "owner"]


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


def owner(entries: tuple[ManagedFields, ...], fields: Mapping[str, Any], *, other_than: str) -> str:
    """Who else owns one of these fields, given as a merge patch names them; of several the newest, empty for nobody.

    Whoever writes an object elsewhere, however lately, is not meant. A field that was taken away has no owner.
    """
    owners = [each for each in entries if each.manager != other_than and _holds(each.fields_v1, fields)]
    return max(owners, key=lambda each: each.time).manager if owners else ""


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


def _holds(owned: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return any(_overlaps(owned[f"f:{name}"], part) for name, part in fields.items() if f"f:{name}" in owned)


def _overlaps(owned: Mapping[str, Any], part: Any) -> bool:
    """What is owned or written as a whole is so with all that is in it."""
    return not owned or not isinstance(part, Mapping) or _holds(owned, part)

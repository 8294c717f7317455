"""Who wrote a field: read from the managed fields that the API server keeps of every object.

Pure; `kinds.reading` asks when a workload is read live, so that a reported change can name its author,
and a workload that was given back is owned by us no more.
"""

from typing import Any, Final

import msgspec

from tidegate_workload_controller.marks import FIELD_MANAGER

OURS: Final = ("f:template", "f:strategy", "f:minReadySeconds", "f:progressDeadlineSeconds", "f:paused")
"""What the rollout stands on: the fields whose author matters."""


class ManagedFields(msgspec.Struct, frozen=True, rename="camel"):
    manager: str = ""
    time: str = ""
    subresource: str = ""
    fields_v1: dict[str, Any] = msgspec.field(name="fieldsV1", default_factory=dict)


def last_author(entries: tuple[ManagedFields, ...]) -> str:
    """The manager, other than ourselves, that wrote last to what the rollout stands on; empty where nobody did."""
    others = [each for each in entries if each.manager != FIELD_MANAGER and _writes_ours(each)]
    return max(others, key=lambda each: each.time).manager if others else ""


def own_entries(entries: tuple[ManagedFields, ...]) -> tuple[int, ...]:
    """Where the entries stand that name ourselves as an owner."""
    return tuple(place for place, entry in enumerate(entries) if entry.manager == FIELD_MANAGER)


def disowning(entries: tuple[int, ...]) -> list[dict[str, Any]]:
    """Managed fields without our entries, as long as these stand where they were seen; the last ones go first."""
    return [
        each
        for place in sorted(entries, reverse=True)
        for each in (
            {"op": "test", "path": f"/metadata/managedFields/{place}/manager", "value": FIELD_MANAGER},
            {"op": "remove", "path": f"/metadata/managedFields/{place}"},
        )
    ]


def _writes_ours(entry: ManagedFields) -> bool:
    spec = entry.fields_v1.get("f:spec")
    return isinstance(spec, dict) and any(name in spec for name in OURS)

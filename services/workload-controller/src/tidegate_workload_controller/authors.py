"""Who wrote a field: read from the managed fields that the API server keeps of every object.

Pure; `kinds.reading` asks when a workload is read live, so that a reported change can name its author.
"""

from typing import Final

from tidegate_chassis.kubernetes.ownership import ManagedFields
from tidegate_workload_controller.marks import FIELD_MANAGER

OURS: Final = ("f:template", "f:strategy", "f:minReadySeconds", "f:progressDeadlineSeconds", "f:paused")
"""What the rollout stands on: the fields whose author matters."""


def last_author(entries: tuple[ManagedFields, ...]) -> str:
    """The manager, other than ourselves, that wrote last to what the rollout stands on; empty where nobody did."""
    others = [each for each in entries if each.manager != FIELD_MANAGER and _writes_ours(each)]
    return max(others, key=lambda each: each.time).manager if others else ""


def _writes_ours(entry: ManagedFields) -> bool:
    spec = entry.fields_v1.get("f:spec")
    return isinstance(spec, dict) and any(name in spec for name in OURS)

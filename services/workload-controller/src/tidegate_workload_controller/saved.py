"""The user's own values of the fields that a hold needs, kept on the workload while it is held.

Pure. Which fields they are is the `hold`'s to say. What was absent is absent again afterwards, and the API server puts
its default where it always puts one.
"""

from typing import Any

import msgspec

from tidegate_workload_controller.marks import SAVED_STRATEGY
from tidegate_workload_controller.seen import Workload


class Saved(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Fields of `spec`, of all kinds together; None or empty where the user's workload hadn't got them."""

    strategy: dict[str, Any] = {}
    update_strategy: dict[str, Any] = {}
    min_ready_seconds: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool | None = None

    nothing: bool = False
    """Whether the workload itself is only marked: its pods come beside it, and its own values stand on it.

    A custom resource may have had none of these fields, and be held all the same."""


def saved_on(workload: Workload) -> Saved | None:
    """What was saved on the workload; None where nothing was, or somebody made it unreadable."""
    mark = workload.metadata.annotations.get(SAVED_STRATEGY)
    if mark is None:
        return None
    try:
        return msgspec.json.decode(mark, type=Saved)
    except msgspec.MsgspecError:
        return None


def encode(saved: Saved) -> str:
    return msgspec.json.encode(saved).decode()

"""A Rollout's conditions: those of Kruise, and `Accepted`, which says whether the strategy can be carried.

Pure; called by `projection`. A condition that says what it said keeps its times, so that the same history makes the
same status in every copy.
"""

import datetime as dt
from typing import Any, NamedTuple

from tidegate_rollout_operator import texts
from tidegate_rollout_operator.view import View

TRANSITION = "lastTransitionTime"
UPDATE = "lastUpdateTime"


class Said(NamedTuple):
    """One condition, without its times."""

    type: str
    status: bool
    reason: str
    message: str


def timestamp(at_s: float) -> str:
    """As Kubernetes writes it, in whole seconds."""
    return dt.datetime.fromtimestamp(int(at_s), tz=dt.UTC).isoformat().replace("+00:00", "Z")


def progressing(view: View, message: str) -> Said | None:
    match view.stage:
        case "idle":
            return None
        case "completed" | "canceled":
            return Said("Progressing", status=False, reason="Completed", message=texts.ended(view))
        case "finalising":
            reason = "Finalising"
        case "cancelling":
            reason = "Cancelling"
        case _ if view.hold is not None and not view.awaits_routing:
            reason = "Paused"
        case _ if view.closing:
            reason = "Finalising"
        case "initializing":
            reason = "Initializing"
        case _:
            reason = "InRolling"
    return Said("Progressing", status=True, reason=reason, message=message)


def succeeded(view: View) -> Said | None:
    """There is none while a release runs."""
    if view.stage not in ("completed", "canceled"):
        return None
    return Said("Succeeded", status=view.stage == "completed", reason="", message=view.reason)


def timed(said: Said, standing: list[Any], now: str) -> dict[str, Any]:
    """With the times of the condition that stands, as far as it says the same."""
    condition: dict[str, Any] = {
        "type": said.type,
        "status": "True" if said.status else "False",
        "reason": said.reason,
        "message": said.message,
    }
    old = next((each for each in standing if isinstance(each, dict) and each.get("type") == said.type), {})
    same = all(old.get(name) == value for name, value in condition.items())
    turned = old.get("status") != condition["status"]
    times = {
        UPDATE: old.get(UPDATE, now) if same else now,
        TRANSITION: now if turned else old.get(TRANSITION, now),
    }
    return condition | times

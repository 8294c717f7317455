"""What we write on routes and Services, all of it gone again at the end. Pure.

`pins`, `rewriting` and `standing_beside` write them and read them back; after a crash they are all that a new holder
knows beside its order.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tidegate_traffic_shifter.share import Share

PREFIX: Final = "tidegate.io/"
HELD_FOR: Final = PREFIX + "held-for"
"""The workload whose rollout holds the object: two rollouts never share one."""
ORDER_REVISION: Final = PREFIX + "order-revision"
"""The fence: the newest order that wrote. A holder of an older order writes no more."""
ORIGINAL_RULES: Final = PREFIX + "original-rules"
SHARE: Final = PREFIX + "share"
ORIGINAL_SELECTOR: Final = PREFIX + "original-selector"
ROUTER: Final = PREFIX + "router"
"""Who wrote a route or made an object beside it, and for which: several routers write objects of one kind."""
MADE: Final = PREFIX + "made"
"""What a script made of the object: whatever differs from it is somebody's edit."""
ANNOTATIONS: Final = (HELD_FOR, ORDER_REVISION, ORIGINAL_RULES, SHARE, ORIGINAL_SELECTOR, ROUTER, MADE)

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "tidegate"
FIELD_MANAGER: Final = "tidegate-traffic-shifter"


class Marks(msgspec.Struct, frozen=True):
    """Who holds an object, and for which order it was written last."""

    held_for: str
    revision: int

    def annotations(self, **others: Any) -> dict[str, str]:
        """Our annotations; the others are kept as JSON."""
        ours = {HELD_FOR: self.held_for, ORDER_REVISION: str(self.revision)}
        return ours | {PREFIX + name: msgspec.json.encode(value).decode() for name, value in others.items()}


def read(annotations: Mapping[str, str]) -> Marks | None:
    """The marks of an object; None for one that nobody holds."""
    held_for, revision = annotations.get(HELD_FOR), annotations.get(ORDER_REVISION, "")
    if held_for is None:
        return None
    return Marks(held_for, int(revision) if revision.isdecimal() else 0)


def saved_share(annotations: Mapping[str, str]) -> Share | None:
    """The share that was written into the object, or with it."""
    text = annotations.get(SHARE)
    return msgspec.json.decode(text, type=Share) if text is not None else None


def saved_part(annotations: Mapping[str, str]) -> Any:
    """The user's own part of a rewritten object; None where none was saved."""
    text = annotations.get(ORIGINAL_RULES)
    return msgspec.json.decode(text) if text is not None else None


def saved_made(annotations: Mapping[str, str]) -> Any:
    """What a script made of the object; None where none did."""
    text = annotations.get(MADE)
    return msgspec.json.decode(text) if text is not None else None


def saved_router(annotations: Mapping[str, str]) -> tuple[str, str]:
    """Who wrote a route or made an object beside it, and the route's name; empty where an earlier version did."""
    text = annotations.get(ROUTER)
    return msgspec.json.decode(text, type=tuple[str, str]) if text is not None else ("", "")


def removal() -> dict[str, None]:
    """Our annotations in a merge patch that takes them away."""
    return dict.fromkeys(ANNOTATIONS)

"""When a workload that goes back natively may be let go: once its native controllers stand still and know who is there.

Turned back in the midst of a move, a Deployment lets as many pods go as it still counts of those that are to come. One
that moves freely never stands still by itself, so it gets the stable template while it is paused. Were it stopped with
the newer template, it would take the rest of the stable pods away as soon as all newer ones are ready: a paused
Deployment does that, too. What is held stands still soon, since the hold goes no further. Pure; `release` ends rollouts
so, and `returning` begins those that want the stable version again.
"""

from typing import Final, Literal

from msgspec.structs import replace

from tidegate_workload_controller.actions import Decision, Memory
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.seen import View

COUNTED: Final = "the native controllers to count who is there"

COUNTS_AGAIN_S: Final = 0.5
"""When to look again whether the native controllers count right."""

Turn = Literal["stop", "wait", "go"]


def turn(view: View, saved: Saved, *, in_place: bool) -> Turn:
    """What comes next.

    Args:
        view: The workload.
        saved: The user's own values.
        in_place: Whether it has the stable template already.
    """
    if view.hold.moves_freely(view.workload, saved):
        return "go" if in_place else "stop"
    return "wait" if view.counts_lag else "go"


def soon(decision: Decision[Memory], now_s: float) -> Decision[Memory]:
    """Not every count wakes anybody, and a live view is taken for new a while after it was read."""
    again_s = now_s + COUNTS_AGAIN_S
    return decision if decision.look_live else replace(decision, until_s=min(decision.until_s or again_s, again_s))

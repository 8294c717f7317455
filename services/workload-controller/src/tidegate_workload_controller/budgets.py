"""maxSurge and maxUnavailable: what they mean to the native controller, and how to write what we mean.

Pure; `batch` says how many pods, this module says it in percentages wherever they say exactly that, because a
percentage follows a change of `replicas` by itself, even while nobody of us is alive.
"""

from typing import Any

import msgspec

from tidegate_contracts.orders import Target
from tidegate_contracts.plan import WHOLE_PERCENT

Amount = int | str
"""A count, or a whole percentage such as "25%"."""


class Room(msgspec.Struct, frozen=True):
    """A budget in pods."""

    surge: int
    unavailable: int


class Budget(msgspec.Struct, frozen=True):
    """maxSurge and maxUnavailable as they stand in a Deployment."""

    surge: Amount
    unavailable: Amount

    def room(self, replicas: int) -> Room:
        """What the native controller makes of it: surge rounds up, unavailable down, and never both zero."""
        surge = scaled(self.surge, replicas, up=True)
        unavailable = scaled(self.unavailable, replicas, up=False)
        if surge == 0 and unavailable == 0:
            unavailable = 1
        return Room(surge, min(unavailable, replicas))


NATIVE_DEFAULT = Budget("25%", "25%")
"""What the API server fills in, and what a Recreate workload is moved with."""


def scaled(amount: Amount, replicas: int, *, up: bool) -> int:
    """An amount in pods, rounded as asked."""
    if isinstance(amount, int):
        return amount
    percent = int(amount.removesuffix("%"))
    return ceiling_of(percent * replicas, WHOLE_PERCENT) if up else percent * replicas // WHOLE_PERCENT


def ceiling_of(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def express(room: Room, replicas: int, target: Target, *, removed: int) -> Budget:
    """Write a room so that it means exactly this now, and at no other scale more than the target.

    Args:
        room: How many pods may come on top, and how many of the stable ones may go.
        replicas: The workload's own, now.
        target: The step's; a percentage of it bounds ours.
        removed: Stable pods that have gone already: an unavailable amount up to this moves nothing now.
    """
    if target.percent is None:
        return Budget(room.surge, room.unavailable)
    surge = _surge(room.surge, replicas)
    if room.unavailable <= removed and room.surge > 0:
        at_most = min(WHOLE_PERCENT * removed // max(replicas, 1), target.percent)
        return Budget(surge, f"{at_most}%" if at_most else 0)
    step = f"{target.percent}%"
    if Budget(surge, step).room(replicas).unavailable == room.unavailable:
        return Budget(surge, step)
    return Budget(surge, _unavailable(room.unavailable, replicas))


def at_rest(room: Room, pods: int, replicas: int, target: Target) -> Budget:
    """The budget of a settled batch: the step's own percentage, whatever the scale becomes.

    Rounded down it may allow less than the batch has; that moves nothing, since stable pods are never added back.

    Args:
        room: What the settled batch takes.
        pods: What the target asks for; more than the batch only where stable pods had to stay.
        replicas: The workload's own, now.
        target: The step's.
    """
    if room.surge > 0 or room.unavailable < pods:
        return express(room, replicas, target, removed=0)
    return Budget(0, f"{target.percent}%" if target.percent is not None else max(target.count or 0, 1))


def _surge(pods: int, replicas: int) -> Amount:
    """The smallest percentage that is this many pods, or the count where none is."""
    if pods == 0 or replicas == 0:
        return pods
    percent = WHOLE_PERCENT * (pods - 1) // replicas + 1
    return f"{percent}%" if ceiling_of(percent * replicas, WHOLE_PERCENT) == pods else pods


def _unavailable(pods: int, replicas: int) -> Amount:
    """The smallest percentage that is this many pods, or the count where none is."""
    if pods == 0 or replicas == 0:
        return pods
    percent = ceiling_of(WHOLE_PERCENT * pods, replicas)
    exact = percent <= WHOLE_PERCENT and percent * replicas // WHOLE_PERCENT == pods
    return f"{percent}%" if exact else pods


def budget_of(strategy: dict[str, Any]) -> Budget:
    """The budget of a Deployment's strategy; a quarter both ways for one that has none, since it recreates."""
    rolling = strategy.get("rollingUpdate") or {}
    return Budget(
        _amount(rolling.get("maxSurge"), NATIVE_DEFAULT.surge),
        _amount(rolling.get("maxUnavailable"), NATIVE_DEFAULT.unavailable),
    )


def _amount(value: Any, default: Amount) -> Amount:
    if isinstance(value, bool):
        return default
    if isinstance(value, int):
        return value
    return value if isinstance(value, str) and value.removesuffix("%").isdecimal() else default

"""Somebody who writes the same as we do: our part is put back a few times, and then it is left to people.

Part of `fence`, told by `services` and all routers right before an edit is written over; its error is an outcome like
others (`refusing`). Without it a tool that puts its own manifest back would be fought for as long as the order stands.
Only an order that brings requests to the new version gives up: one that takes them away writes as often as it takes,
and so is a share taken back that only the stable version can answer.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Permanent
from tidegate_contracts.orders import MarkRequests, RouteOrder, ShiftTraffic
from tidegate_traffic_shifter.outcome import Repair

REPAIRS_MAX: Final = 5
"""So often the same thing is put back within the window; the next edit of it is a conflict."""

REPAIRS_WINDOW_S: Final = 600.0
"""Tools that put things back do so at once, or every few minutes."""


def brings_requests(order: RouteOrder) -> bool:
    """Whether a request, or a copy of one, shall reach the new version."""
    if isinstance(order, ShiftTraffic):
        return bool(order.weight_percent or order.matches or order.mirror_percent)
    return isinstance(order, MarkRequests)


class Contest:
    """Args:
    order: What we write for.
    clock: The time.
    """

    def __init__(self, order: RouteOrder, clock: Clock) -> None:
        self._yields = brings_requests(order)
        self._clock = clock
        self._repaired_at_s: dict[str, deque[float]] = {}

    @contextmanager
    def insisting(self) -> Iterator[None]:
        """What is put back within takes requests away from the new version, whatever its order is for."""
        yields, self._yields = self._yields, False
        try:
            yield
        finally:
            self._yields = yields

    def repairing(self, repair: Repair | None) -> None:
        """Args:
        repair: What is about to be put back; None where nobody edited anything.

        Raises:
            Permanent: It has been put back too often by now.
        """
        if repair is None or not self._yields:
            return
        now_s = self._clock.monotonic_s()
        times_s = self._repaired_at_s.setdefault(repair.what, deque(maxlen=REPAIRS_MAX))
        if len(times_s) == REPAIRS_MAX and now_s < times_s[0] + REPAIRS_WINDOW_S:
            raise _contested(repair)
        times_s.append(now_s)


def _contested(repair: Repair) -> Permanent:
    return Permanent(
        f"{repair.by} keeps writing {repair.what}",
        code="contested",
        field="traffic",
        value=repair.what,
        rule=f"nothing that somebody else keeps writing: {repair.by} does, though it was put back {REPAIRS_MAX} times",
        remedy=f"Have {repair.by} leave it alone until the rollout is over, or cancel the rollout. "
        f"It is tried again within {REPAIRS_WINDOW_S / 60:g} minutes.",
    )

"""What keeps a copy that has lost its order from writing: read marks, ask the lease, write with the version read.

Made by `holder` for each order that it holds; `services` and routers pass every object that they read live through it
and call `ensure` right before each write. It also remembers, for as long as the order is held, which objects were ours,
and who wrote over our part (`contest`).
"""

from typing import Any, Final

from tidegate_chassis.clock import Clock
from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_chassis.standing_orders import HeldOrder, OrderLost
from tidegate_contracts.orders import RouteOrder
from tidegate_contracts.problem import Problem
from tidegate_contracts.topology import orders_consumer
from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.contest import Contest
from tidegate_traffic_shifter.marks import Marks
from tidegate_traffic_shifter.outcome import Pending, Refused

UNMARKED_WAIT_S: Final = orders_consumer("traffic-shifter", "any").ack_wait_s
"""Our marks vanish when a newer order's holder has released the object; by then our own lease must have ended."""


class Fence:
    """Args:
    held: The order, and the proof that it is ours.
    clock: The time.
    """

    def __init__(self, held: HeldOrder[RouteOrder], clock: Clock) -> None:
        self.ours = Marks(f"{held.key.kind}/{held.key.name}", held.revision)
        self.wrote_at_s: float | None = None
        """When the API server last took something from us, by the clock's monotonic time."""
        self.contest = Contest(held.order, clock)
        self._held = held
        self._clock = clock
        self._uids: dict[str, str] = {}
        self._generations: dict[str, int] = {}
        self._marked: set[str] = set()
        self._disowned: set[str] = set()
        self._unmarked_since_s: dict[str, float] = {}
        self._stood: dict[str, Any] = {}

    def ensure(self) -> None:
        """Right before each write: raises `OrderLost`."""
        self._held.ensure()

    def trusts(self, name: str, metadata: ObjectMeta) -> bool:
        """Whether a cached object may be read: not before a live look at that very one, nor from before our write."""
        return self._uids.get(name) == metadata.uid and metadata.generation >= self._generations.get(name, 0)

    def missing(self, name: str) -> None:
        """A live look found nothing: what the cache still has is of the past."""
        self._uids.pop(name, None)

    def holds(self, metadata: ObjectMeta) -> bool:
        """Whether the object is marked as held for our workload."""
        found = marks.read(metadata.annotations)
        return found is not None and found.held_for == self.ours.held_for

    def look(self, name: str, metadata: ObjectMeta) -> Refused | Pending | None:
        """Take in a live object.

        Returns:
            Why it must not be written now; None when it may be.

        Raises:
            OrderLost: A newer order has written it.
        """
        self._uids[name] = metadata.uid
        found = marks.read(metadata.annotations)
        if found is None:
            return self._unmarked(name)
        if found.held_for != self.ours.held_for:
            return Refused(_held_by_another(name, found.held_for))
        if found.revision > self.ours.revision:
            raise OrderLost(f"{name} was written for order {found.revision}, ours is {self.ours.revision}")
        self._marked.add(name)
        self._unmarked_since_s.pop(name, None)
        return None

    def stands(self, name: str, wanted: Any) -> None:
        """The object is as wanted, or was just written so."""
        self._stood[name] = wanted

    def stood(self, name: str, wanted: Any = None) -> bool:
        """Whether it was, for this order, as wanted now, or at all: then what differs is somebody's edit."""
        return name in self._stood and (wanted is None or bool(self._stood[name] == wanted))

    def disowned(self, name: str) -> None:
        """Our name stands at no field of the object."""
        self._disowned.add(name)

    def is_disowned(self, name: str) -> bool:
        """Whether that is known since we wrote last; if not, only a live look tells."""
        return name in self._disowned

    def wrote(self, name: str, metadata: ObjectMeta) -> None:
        """What the API server answered to a write of ours."""
        self._uids[name] = metadata.uid
        self._generations[name] = metadata.generation
        self.wrote_at_s = self._clock.monotonic_s()
        self._disowned.discard(name)
        if marks.read(metadata.annotations) is not None:
            self._marked.add(name)
        else:
            self._marked.discard(name)

    def _unmarked(self, name: str) -> Pending | None:
        if name not in self._marked:
            return None
        now_s = self._clock.monotonic_s()
        until_s = self._unmarked_since_s.setdefault(name, now_s) + UNMARKED_WAIT_S
        if now_s < until_s:
            return Pending(f"somebody took our marks off {name}; making sure that it is still ours", until_s - now_s)
        return None


def _held_by_another(name: str, held_for: str) -> Problem:
    return Problem(
        field="traffic",
        value=name,
        rule="no other rollout holds the object",
        remedy=f"Wait for the rollout of {held_for} to end, or cancel it.",
    )

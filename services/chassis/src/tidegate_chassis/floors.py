"""The newest revision heard of for each workload, for as long as it may still matter.

Used by `standing_orders`. An order is heard as a plain message a moment before, or after, the stream hands it out; in
between, nothing older may be taken. What was heard but never stored is forgotten after a while.
"""

from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_contracts.workload import WorkloadKey

KEPT_S: Final = 60.0
WORKLOADS_MAX: Final = 20_000


class Floors:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._floors: dict[WorkloadKey, tuple[int, float]] = {}

    def rise(self, key: WorkloadKey, revision: int) -> None:
        if revision < self.of(key):
            return
        self._floors.pop(key, None)
        self._floors[key] = (revision, self._clock.monotonic_s())
        if len(self._floors) > WORKLOADS_MAX:
            del self._floors[next(iter(self._floors))]

    def of(self, key: WorkloadKey) -> int:
        """The revision below which nothing may be taken; -1 where anything may."""
        revision, heard_s = self._floors.get(key, (-1, 0.0))
        return revision if self._clock.monotonic_s() - heard_s < KEPT_S else -1

"""One after another within a lane, side by side across lanes: how one workload's messages keep their order.

Used by `delivery` (a workload's messages are decided one at a time) and `standing_orders` (a workload's newer order
starts only after the older one has ended). A lane exists only while somebody is in it.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Lanes:
    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._users: dict[Hashable, int] = {}

    @asynccontextmanager
    async def turn(self, lane: Hashable) -> AsyncIterator[None]:
        """Waits for everybody who came before, in order."""
        lock = self._locks.setdefault(lane, asyncio.Lock())
        self._users[lane] = self._users.get(lane, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[lane] -= 1
            if not self._users[lane]:
                del self._users[lane], self._locks[lane]

    def __len__(self) -> int:
        return len(self._locks)

"""Time as a part that is handed in, so that what waits or stamps can be tested without waiting.

Made by `service.run`, passed to everything that asks for the time. Deadlines are monotonic, facts are wall time.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    def now_s(self) -> float:
        """Epoch seconds, for people and for other machines."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back, for deadlines in this process."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clocks."""

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

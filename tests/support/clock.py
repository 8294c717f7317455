"""Time that passes only when a test says so."""

import asyncio


class ManualClock:
    def __init__(self, now_s: float = 1_000_000.0) -> None:
        self._now_s = now_s
        self.slept_s: list[float] = []

    def now_s(self) -> float:
        return self._now_s

    def monotonic_s(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        self._now_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Passes the time at once; what was slept is kept for the test to see."""
        self.slept_s.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

"""Knows since when this process has been running without a pause, so that no lease is believed longer than it lasts.

A process that was stopped for a while finds old messages in its socket, delivered to it long ago and since then to
somebody else. `standing_orders` counts the lease of an order from `since_s`, not from when it was read.
"""

from typing import Final

from tidegate_chassis.clock import Clock

TICK_S: Final = 0.25
PAUSE_S: Final = 1.0
"""A gap between ticks that is longer is a pause."""
DOUBT_S: Final = 0.5
"""After a pause, what the socket held meanwhile is read within this time."""


class Pulse:
    """`beat` is called every `TICK_S`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat_s = clock.monotonic_s()
        self._before_pause_s = self._beat_s
        self._doubt_until_s = self._beat_s

    def beat(self) -> float:
        """Returns the length of the pause that just ended, 0 where there was none."""
        now_s = self._clock.monotonic_s()
        gap_s = now_s - self._beat_s
        if gap_s > PAUSE_S:
            self._before_pause_s = self._beat_s
            self._doubt_until_s = now_s + DOUBT_S
        self._beat_s = now_s
        return gap_s if gap_s > PAUSE_S else 0.0

    def since_s(self) -> float:
        """What is read now was delivered at this time or later."""
        now_s = self._clock.monotonic_s()
        return self._before_pause_s if now_s < self._doubt_until_s else min(self._beat_s, now_s)

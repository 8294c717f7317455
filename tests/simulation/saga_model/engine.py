"""Virtual time: what happens next is the earliest thing that was put off, and nothing else."""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Any

HAPPENINGS_MAX = 20_000
"""A usual seed has a hundred."""


class Endless(RuntimeError):  # noqa: N818 - it names what happened
    """The model does not come to rest."""


class Engine:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.now_s = 1000.0
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def after(self, delay_s: float, what: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heappush(self._queue, (self.now_s + delay_s, self._count, what, arguments))

    def forget(self) -> None:
        """What was put off never happens."""
        self._queue.clear()

    def run(self, until_s: float) -> None:
        """Raises `Endless` where things happen without an end."""
        queue = self._queue
        while queue and queue[0][0] <= until_s:
            self.now_s, _, what, arguments = heappop(queue)
            what(*arguments)
            if self._count > HAPPENINGS_MAX:
                raise Endless(f"{HAPPENINGS_MAX} things happened and there is no end of it")
        self.now_s = max(self.now_s, until_s) if queue else self.now_s

"""Who may ask a provider next: many at a time, and no namespace so many that another one's check has to wait for it.

Taken by `measure` before each measurement. A namespace may have no more questions under way than places are still
free, so the more of them are slow, the fewer each of them holds: of n slow ones each holds one part in n + 1, and as
much stays free for the others. Nothing is ever taken away from one that has it. A place that comes free goes to
whoever holds least, and among those to each in turn.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """The places of one provider."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._held: Counter[str] = Counter()
        """By namespace."""
        self._waiting: OrderedDict[str, deque[asyncio.Event]] = OrderedDict()
        """The namespace that was given a place last, or came last, stands last."""

    @asynccontextmanager
    async def turn(self, namespace: str) -> AsyncIterator[None]:
        await self._taken(namespace)
        try:
            yield
        finally:
            self._give_back(namespace)

    async def _taken(self, namespace: str) -> None:
        given = asyncio.Event()
        self._waiting.setdefault(namespace, deque()).append(given)
        self._give_out()
        try:
            await given.wait()
        except asyncio.CancelledError:
            if given.is_set():
                self._give_back(namespace)
            else:
                self._forget(namespace, given)
            raise

    def _give_back(self, namespace: str) -> None:
        self._free += 1
        self._held[namespace] -= 1
        if not self._held[namespace]:
            del self._held[namespace]
        self._give_out()

    def _give_out(self) -> None:
        while self._waiting:
            namespace = self._next()
            if self._held[namespace] >= self._free:
                return
            given = self._waiting[namespace][0]
            self._forget(namespace, given)
            self._free -= 1
            self._held[namespace] += 1
            given.set()

    def _next(self) -> str:
        """Quick, however many wait: only so many of them hold a place as there are places."""
        without = next((namespace for namespace in self._waiting if not self._held[namespace]), None)
        return without if without is not None else min(self._waiting, key=self._held.__getitem__)

    def _forget(self, namespace: str, given: asyncio.Event) -> None:
        waiting = self._waiting[namespace]
        waiting.remove(given)
        if waiting:
            self._waiting.move_to_end(namespace)
        else:
            del self._waiting[namespace]

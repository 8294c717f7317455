"""A queue of objects to be looked at, each by one worker at a time, and once however often it was called for.

Made by `loop` and `routing_loop`. What fails is looked at again after a while, for ever, since nothing else would.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from tidegate_chassis.errors import Conflict, OperatingError
from tidegate_chassis.kubernetes.retry import Backoff
from tidegate_chassis.kubernetes.store import Key

WORKERS: Final = 8
BACKOFF: Final = Backoff(first_s=0.2, max_s=10.0)
CONFLICT_WAIT_S: Final = 0.05
"""What was in the way is on the watch already, as a rule: this is for when it is not."""

_log = structlog.get_logger(__name__)


class Workers:
    """Args:
    look: Looks at one object, and raises operating errors; a conflict means that somebody was faster.
    kind: What the objects are, for the log.
    """

    def __init__(self, look: Callable[[Key], Awaitable[None]], kind: str) -> None:
        self._look = look
        self._kind = kind
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._busy: set[Key] = set()
        self._failures: dict[Key, int] = {}

    def wake(self, key: Key) -> None:
        if key not in self._waiting:
            self._waiting.add(key)
            if key not in self._busy:
                self._queue.put_nowait(key)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._waiting.discard(key)
            self._busy.add(key)
            try:
                await self._once(key)
            finally:
                self._busy.discard(key)
                if key in self._waiting:
                    self._queue.put_nowait(key)

    async def _once(self, key: Key) -> None:
        try:
            await self._look(key)
        except Conflict as error:
            _log.debug("looked at again", kind=self._kind, key=key, reason=error.reason)
            self._later(key, CONFLICT_WAIT_S)
        except OperatingError as error:
            self._failures[key] = self._failures.get(key, 0) + 1
            delay_s = BACKOFF.delay_s(self._failures[key])
            again_in_s = round(delay_s, 3)
            _log.warning(
                "could not be reconciled", kind=self._kind, key=key, reason=error.reason, again_in_s=again_in_s
            )
            self._later(key, delay_s)
        else:
            self._failures.pop(key, None)

    def _later(self, key: Key, delay_s: float) -> None:
        asyncio.get_running_loop().call_later(delay_s, self.wake, key)

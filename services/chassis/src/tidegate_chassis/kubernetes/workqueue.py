"""Calls a handler for each key that needs attention: one call per key at a time, many keys side by side.

Reflector handlers and timers add keys; the handler reads the world as it is and makes it as it should be, so a key
added ten times is handled once, and one added during its own call is handled once more. Failures come back by
themselves with a growing delay. Services run one queue per concern.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

from tidegate_chassis.errors import OperatingError, Permanent, Transient
from tidegate_chassis.kubernetes.retry import Backoff

__all__ = ["QUEUE_BACKOFF", "WorkQueue"]

K = TypeVar("K", bound=Hashable)

QUEUE_BACKOFF = Backoff(first_s=0.05, max_s=30.0)

log = structlog.get_logger(__name__)


class WorkQueue(Generic[K]):
    """Keys to handle.

    Args:
        handle: Handles one key; may return the seconds after which it wants to be called again.
        workers: How many keys are handled at once.
        backoff: The delay after a failure; a Permanent one is not repeated until the key is added again.
        name: For the log.
    """

    def __init__(
        self,
        handle: Callable[[K], Awaitable[float | None]],
        *,
        workers: int,
        name: str,
        backoff: Backoff = QUEUE_BACKOFF,
    ) -> None:
        assert workers > 0, "a queue without workers never moves"
        self._handle = handle
        self._workers = workers
        self._name = name
        self._backoff = backoff
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._queued: set[K] = set()
        self._handling: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._wake_ups: dict[K, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        """How many keys wait to be handled now."""
        return len(self._queued) + len(self._again)

    def add(self, key: K) -> None:
        """Handle the key as soon as a worker is free; if it is being handled now, once more afterwards."""
        if key in self._handling:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: K, delay_s: float) -> None:
        """Handle the key in a while; of several wake-ups for one key only the earliest is kept."""
        loop = asyncio.get_running_loop()
        planned = self._wake_ups.get(key)
        if planned is not None and planned.when() <= loop.time() + delay_s:
            return
        self._cancel_wake_up(key)
        self._wake_ups[key] = loop.call_later(delay_s, self._wake, key)

    def forget(self, key: K) -> None:
        """Drop what is planned for a key; a call that runs now goes on."""
        self._cancel_wake_up(key)
        self._again.discard(key)
        self._queued.discard(key)
        self._failures.pop(key, None)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work())
        finally:
            for key in [*self._wake_ups]:
                self._cancel_wake_up(key)

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            if key not in self._queued:
                continue  # forgotten while it waited
            self._queued.discard(key)
            self._handling.add(key)
            try:
                await self._handle_once(key)
            finally:
                self._handling.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    async def _handle_once(self, key: K) -> None:
        try:
            again_after_s = await self._handle(key)
        except Permanent as error:
            self._failures.pop(key, None)
            log.warning("queue.given_up", queue=self._name, key=str(key), reason=error.reason, code=error.code)
        except OperatingError as error:
            asked_s = error.delay_s if isinstance(error, Transient) else None
            self._retry(key, error.reason, asked_s)
        except Exception as error:  # a bug in the handling of one key must not stop the others
            log.exception("queue.bug", queue=self._name, key=str(key))
            self._retry(key, repr(error), self._backoff.max_s)
        else:
            self._failures.pop(key, None)
            if again_after_s is not None:
                self.add_after(key, again_after_s)

    def _retry(self, key: K, reason: str, asked_s: float | None) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = max(self._backoff.delay_s(failures), asked_s or 0.0)
        log.info("queue.retry", queue=self._name, key=str(key), reason=reason, delay_s=round(delay_s, 3))
        self.add_after(key, delay_s)

    def _wake(self, key: K) -> None:
        self._wake_ups.pop(key, None)
        self.add(key)

    def _cancel_wake_up(self, key: K) -> None:
        planned = self._wake_ups.pop(key, None)
        if planned is not None:
            planned.cancel()

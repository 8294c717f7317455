"""Wakes the reconciler: for a Rollout that changed, or whose workload did, or its history, and for all now and then.

Made by `app`. A Rollout waits in the queue once, however often it is woken, and is looked at by one worker at a time;
what fails is looked at again after a while, for ever, since nothing else would.
"""

import asyncio
from typing import Final

import structlog

from tidegate_chassis.errors import Conflict, OperatingError
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.retry import Backoff
from tidegate_chassis.kubernetes.store import Key
from tidegate_contracts.subjects import parse_event
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.reconcile import Reconciler
from tidegate_rollout_operator.rollouts import Rollouts

WORKERS: Final = 8
BACKOFF: Final = Backoff(first_s=0.2, max_s=10.0)
CONFLICT_WAIT_S: Final = 0.05
"""What was in the way is on the watch already, as a rule: this is for when it is not."""

_log = structlog.get_logger(__name__)


class Loop:
    def __init__(self, rollouts: Rollouts, reflector: Reflector[Rollout], reconciler: Reconciler) -> None:
        self._rollouts = rollouts
        self._reflector = reflector
        self._reconciler = reconciler
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._busy: set[Key] = set()
        self._failures: dict[Key, int] = {}
        reflector.subscribe(self._changed)

    def wake(self, key: Key) -> None:
        if key not in self._waiting:
            self._waiting.add(key)
            if key not in self._busy:
                self._queue.put_nowait(key)

    def wake_all(self) -> None:
        for rollout in self._rollouts.all():
            self.wake(rollout.metadata.key)

    async def heard(self, subject: str) -> None:
        """An event of some workload: whoever speaks for it looks at the history."""
        self.wake_of(parse_event(subject).key)

    def wake_of(self, key: WorkloadKey) -> None:
        """Those that name this workload."""
        for rollout in self._rollouts.of(key):
            self.wake(rollout.metadata.key)

    async def run(self) -> None:
        await self._reflector.wait_synced()
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    def _changed(self, old: Rollout | None, new: Rollout | None) -> None:
        """Rollouts of the same workload are woken too: another one may count from now on."""
        for rollout in (old, new):
            key = self._rollouts.key(rollout) if rollout is not None else None
            for each in self._rollouts.of(key) if key is not None else ():
                self.wake(each.metadata.key)
            if key is not None and not self._rollouts.of(key):
                self._reconciler.forget(key)
        if new is not None:
            self.wake(new.metadata.key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._waiting.discard(key)
            self._busy.add(key)
            try:
                await self._look(key)
            finally:
                self._busy.discard(key)
                if key in self._waiting:
                    self._queue.put_nowait(key)

    async def _look(self, key: Key) -> None:
        rollout = self._rollouts.get(key)
        if rollout is None:
            self._failures.pop(key, None)
            return
        try:
            await self._reconciler.reconcile(rollout)
        except Conflict as error:
            _log.debug("looked at again", rollout=key, reason=error.reason)
            self._later(key, CONFLICT_WAIT_S)
        except OperatingError as error:
            self._failures[key] = self._failures.get(key, 0) + 1
            delay_s = BACKOFF.delay_s(self._failures[key])
            _log.warning("could not be reconciled", rollout=key, reason=error.reason, again_in_s=round(delay_s, 3))
            self._later(key, delay_s)
        else:
            self._failures.pop(key, None)

    def _later(self, key: Key, delay_s: float) -> None:
        asyncio.get_running_loop().call_later(delay_s, self.wake, key)

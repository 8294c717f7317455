"""Wakes the reconciler: for a Rollout that changed, or whose workload did, or its history, and for all now and then.

Made by `app`; `working` sees to it that a Rollout is looked at by one worker at a time, and again where that failed.
"""

from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.store import Key
from tidegate_contracts.subjects import parse_event
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.reconcile import Reconciler
from tidegate_rollout_operator.rollouts import Rollouts
from tidegate_rollout_operator.working import Workers


class Loop:
    def __init__(self, rollouts: Rollouts, reflector: Reflector[Rollout], reconciler: Reconciler) -> None:
        self._rollouts = rollouts
        self._reflector = reflector
        self._reconciler = reconciler
        self._workers = Workers(self._look, "rollout")
        reflector.subscribe(self._changed)

    def wake(self, key: Key) -> None:
        self._workers.wake(key)

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
        await self._workers.run()

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

    async def _look(self, key: Key) -> None:
        rollout = self._rollouts.get(key)
        if rollout is not None:
            await self._reconciler.reconcile(rollout)

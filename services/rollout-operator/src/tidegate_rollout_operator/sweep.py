"""Every now and then: all Rollouts looked at again, and guards of Rollouts that are no more, or name others, removed.

Made by `app`; a Rollout that goes, or names another workload, calls it at once. For the rest it mends what was missed
while the bus or the API server was away, and the guard of a Rollout whose finalizer somebody took off by force.
"""

import asyncio
from typing import Final

import structlog

from tidegate_chassis.errors import Conflict, OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.kruise import AUTHORS, ROLLOUTS, Rollout
from tidegate_rollout_operator.loop import Loop
from tidegate_rollout_operator.rollouts import Rollouts
from tidegate_rollout_operator.speaking import Speaker, Standing

INTERVAL_S: Final = 30.0

_log = structlog.get_logger(__name__)


class Sweep:
    def __init__(
        self,
        rollouts: Rollouts,
        reflector: Reflector[Rollout],
        speaker: Speaker,
        loop: Loop,
        client: KubernetesClient,
    ) -> None:
        self._rollouts = rollouts
        self._reflector = reflector
        self._speaker = speaker
        self._loop = loop
        self._client = client
        self._called = asyncio.Event()
        reflector.subscribe(self._changed)

    async def run(self) -> None:
        await self._reflector.wait_synced()
        while True:
            self._called.clear()
            try:
                await self._once()
            except OperatingError as error:
                _log.warning("could not sweep", reason=error.reason)
            try:
                async with asyncio.timeout(INTERVAL_S):
                    await self._called.wait()
            except TimeoutError:
                self._loop.wake_all()

    def _changed(self, old: Rollout | None, new: Rollout | None) -> None:
        if old is not None and (new is None or self._rollouts.key(new) != self._rollouts.key(old)):
            self._called.set()

    async def _once(self) -> None:
        async for standing in self._speaker.all():
            if not isinstance(standing.guard, GuardSet) or not standing.guard.by.startswith(AUTHORS):
                continue
            author = standing.guard.by
            if not _spoken_for(self._rollouts.of(standing.key), author):
                await self._remove(standing, author)

    async def _remove(self, standing: Standing, author: str) -> None:
        """Only after a live look: another copy may know of a Rollout that has not come here yet."""
        page = await self._client.list_all(ROLLOUTS, standing.key.namespace)
        found = [decode(raw, Rollout) for raw in page.items]
        if _spoken_for([each for each in found if self._names(each, standing.key)], author):
            return
        _log.info("guard of no Rollout", workload=str(standing.key), by=author)
        try:
            await self._speaker.remove(standing, author)
        except Conflict as error:
            _log.info("another guard stands by now", workload=str(standing.key), reason=error.reason)

    def _names(self, rollout: Rollout, key: WorkloadKey) -> bool:
        return self._rollouts.key(rollout) == key


def _spoken_for(rollouts: list[Rollout], author: str) -> bool:
    return any(each.author == author for each in rollouts)

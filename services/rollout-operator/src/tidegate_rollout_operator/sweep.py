"""Every now and then: all Rollouts looked at again, and guards of Rollouts that are no more, or name others, removed.

Made by `app`. Nothing waits for it as a rule: it mends what was missed while the bus or the API server was away, and
the guard of a Rollout that somebody deleted by force.
"""

from typing import Final

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.loop import Loop
from tidegate_rollout_operator.rollouts import Rollouts
from tidegate_rollout_operator.speaking import Speaker

INTERVAL_S: Final = 30.0
OURS: Final = "Rollout "
"""How the author of every guard begins that stands for a Rollout."""

_log = structlog.get_logger(__name__)


class Sweep:
    def __init__(
        self, rollouts: Rollouts, reflector: Reflector[Rollout], speaker: Speaker, loop: Loop, clock: Clock
    ) -> None:
        self._rollouts = rollouts
        self._reflector = reflector
        self._speaker = speaker
        self._loop = loop
        self._clock = clock

    async def run(self) -> None:
        await self._reflector.wait_synced()
        while True:
            try:
                await self.once()
            except OperatingError as error:
                _log.warning("could not sweep", reason=error.reason)
            await self._clock.sleep(INTERVAL_S)

    async def once(self) -> None:
        self._loop.wake_all()
        async for standing in self._speaker.standing():
            if isinstance(standing.guard, GuardSet) and self._orphaned(standing.key, standing.guard.by):
                _log.info("guard of no Rollout", workload=str(standing.key), by=standing.guard.by)
                await self._speaker.unguard(standing.key, standing.guard.by)

    def _orphaned(self, key: WorkloadKey, author: str) -> bool:
        if not author.startswith(OURS) or not self._reflector.synced:
            return False
        return all(each.author != author for each in self._rollouts.of(key))

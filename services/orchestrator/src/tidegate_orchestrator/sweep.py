"""A slow look at every open rollout, for what a lost timer or a lost order left undone.

Run by `app` in every copy; each does the same, and saying things again changes nothing. A workload whose last
decision left nobody in charge is looked at no more until a new request comes.
"""

from typing import Final

import structlog

from tidegate_chassis import index
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError
from tidegate_contracts import subjects
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.workload import WorkloadKey
from tidegate_orchestrator import metrics
from tidegate_orchestrator.handle import Handler, Loaded
from tidegate_orchestrator.history import EventHistory
from tidegate_orchestrator.inputs import Input, Woken
from tidegate_orchestrator.outbox import BusOutbox

INTERVAL_S: Final = 60.0
SPREAD_S: Final = 0.005
"""Between two workloads, so that a sweep is never noticed."""

_log = structlog.get_logger(__name__)


class Sweep:
    def __init__(
        self,
        *,
        cluster: str,
        connection: Connection,
        history: EventHistory,
        outbox: BusOutbox,
        handler: Handler,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._connection = connection
        self._history = history
        self._outbox = outbox
        self._handler = handler
        self._clock = clock
        self._ended: dict[WorkloadKey, int] = {}
        """Workloads that nobody holds, with the number of rollouts that they had by then."""

    async def run(self) -> None:
        """Sweeps for ever; what can't be reached is looked at the next time."""
        while True:
            await self._clock.sleep(INTERVAL_S)
            try:
                await self.once()
            except OperatingError as error:
                _log.warning("a sweep was cut short", reason=error.reason)

    async def once(self) -> None:
        rollouts: dict[WorkloadKey, int] = {}
        for subject in await index.subjects(self._connection, EVENTS, subjects.accepted_in(self._cluster)):
            key = subjects.parse_event(subject).key
            rollouts[key] = rollouts.get(key, 0) + 1
        for key, number in rollouts.items():
            if self._ended.get(key) != number:
                await self._look_alone(key, number)
                await self._clock.sleep(SPREAD_S)
        metrics.open_rollouts.set(sum(self._ended.get(key) != number for key, number in rollouts.items()))

    async def _look_alone(self, key: WorkloadKey, number: int) -> None:
        try:
            await self._look(key, number)
        except OperatingError:
            raise
        except Exception:  # noqa: BLE001 - one workload's broken history must not end the sweep of the others
            _log.exception("a workload could not be swept", workload=str(key))

    async def _look(self, key: WorkloadKey, number: int) -> None:
        self._history.forget(key)
        loaded = await self._history.load(key, 0)
        if loaded.workload.active is None:
            # The release orders may have been lost, too: they are said once more before the workload is left alone.
            self._outbox.forget(key)
            await self._handler.tell(key, loaded.workload)
            self._ended[key] = number
            return
        self._ended.pop(key, None)
        self._outbox.forget(key)
        await self._handler.handle(key, _woken)


async def _woken(loaded: Loaded) -> Input:
    return Woken(id=f"sweep:{loaded.sequence}")

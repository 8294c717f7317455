"""What the operator says on the bus: guards, each in place of the one that stands, and controls, each once.

Called by `reconcile` and `sweep`. A guard goes out by compare-and-set behind the one that was read, so that a copy
which is behind never puts an older generation's over a newer one; a control's id makes saying it twice harmless.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import structlog

from tidegate_chassis import reading
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.journal import Journal
from tidegate_chassis.message import Message
from tidegate_chassis.publish import Publisher
from tidegate_contracts import subjects
from tidegate_contracts.codec import Malformed, decode_guard, tag_of
from tidegate_contracts.guards import Guard, GuardRemoved, GuardSet
from tidegate_contracts.topology import GUARDS
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.commands import Command
from tidegate_rollout_operator.kruise import Rollout

SAID_MAX: Final = 10_000
"""Ids of controls that this copy remembers to have said."""

_log = structlog.get_logger(__name__)


class Standing(NamedTuple):
    """The guard of a workload as it stands; `guard` is None where it can't be read."""

    key: WorkloadKey
    guard: Guard | None
    id: str
    sequence: int


class Speaker:
    def __init__(self, connection: Connection, name: str, cluster: str, clock: Clock) -> None:
        self._connection = connection
        self._cluster = cluster
        self._publisher = Publisher(connection, name, clock)
        self._journal = Journal(connection, name, clock)
        self._said: dict[str, None] = {}

    async def guard(self, key: WorkloadKey, rollout: Rollout, wanted: GuardSet) -> None:
        """Puts the guard in place, unless it stands or one of a newer generation does. Errors as of a publish."""
        standing = await self._standing(key)
        if standing.guard == wanted or _newer(standing, rollout):
            return
        identity = f"guard:{rollout.metadata.uid}:{rollout.metadata.generation}"
        await self._place(key, wanted, f"{identity}:{standing.sequence}", standing.sequence)

    async def unguard(self, key: WorkloadKey, author: str) -> None:
        """Takes the guard away, if it is this author's."""
        standing = await self._standing(key)
        if not isinstance(standing.guard, GuardSet) or standing.guard.by != author:
            return
        await self.remove(standing, author)

    async def remove(self, standing: Standing, author: str) -> None:
        """Takes away exactly this guard. Raises `Conflict` where another one stands by now."""
        assert isinstance(standing.guard, GuardSet), "the caller looked"
        removed, sequence = GuardRemoved(workload=standing.guard.about, by=author), standing.sequence
        await self._place(standing.key, removed, f"unguard:{sequence}", sequence)

    async def tell(self, key: WorkloadKey, command: Command) -> None:
        if command.id in self._said:
            return
        await self._publisher.control(key, command.rollout, command.control, id=command.id)
        _log.info("control told", rollout=command.rollout, control=tag_of(command.control), id=command.id)
        while len(self._said) >= SAID_MAX:
            self._said.pop(next(iter(self._said)))
        self._said[command.id] = None

    async def all(self) -> AsyncIterator[Standing]:
        """Every guard of the cluster."""
        stored = await reading.many(self._connection, GUARDS, subjects.guards_of(self._cluster), after_sequence=0)
        for message in stored:
            if (key := _workload(message)) is not None:
                yield _read(key, message)
            await asyncio.sleep(0)  # thousands of guards are no reason to keep everybody else waiting

    async def _standing(self, key: WorkloadKey) -> Standing:
        message = await self._journal.last(GUARDS, subjects.guard(key))
        return _read(key, message) if message is not None else Standing(key, None, "", 0)

    async def _place(self, key: WorkloadKey, guard: Guard, identity: str, sequence: int) -> None:
        await self._publisher.guard(key, guard, id=identity, expected_sequence=sequence)
        _log.info("guard placed", workload=str(key), guard=tag_of(guard), id=identity)


def _workload(message: Message) -> WorkloadKey | None:
    """Whoever may write guards may name a workload that can't exist: such a guard is nobody's."""
    try:
        return subjects.parse_guard(message.subject)
    except ValueError as error:
        _log.debug("a guard of no workload", reason=str(error))
        return None


def _read(key: WorkloadKey, message: Message) -> Standing:
    try:
        guard: Guard | None = decode_guard(message.payload)
    except Malformed as error:
        _log.warning("a guard can't be read", workload=str(key), reason=str(error.problem))
        guard = None
    return Standing(key, guard, message.id, message.sequence)


def _newer(standing: Standing, rollout: Rollout) -> bool:
    """Whether it is of the same Rollout as it became later; others' ids have another form."""
    parts = standing.id.split(":")
    if parts[:2] != ["guard", rollout.metadata.uid] or not parts[2].isdecimal():
        return False
    return int(parts[2]) > rollout.metadata.generation

"""A workload's history on the stream: loaded by what its last decision names, appended to by compare-and-set.

The `History` of `handle`. What is remembered is only a cache: an append proves it, and after a lost race the
events that came since are read and folded on. Flow goes on in `fold`.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import msgspec
import structlog

from tidegate_chassis.errors import Conflict
from tidegate_chassis.journal import Journal, Outgoing
from tidegate_chassis.message import Message
from tidegate_contracts import subjects
from tidegate_contracts.codec import AnyEvent, event_decoder, tag_of
from tidegate_contracts.decisions import AnyDecision, Decision
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.workload import WorkloadKey
from tidegate_orchestrator import metrics
from tidegate_orchestrator.decide import Decided
from tidegate_orchestrator.fold import fold, holder, rebuild
from tidegate_orchestrator.handle import Loaded

WORKLOADS_REMEMBERED_MAX: Final = 5_000
SINGLE_READS_MAX: Final = 3
"""A reported fact is mostly the next event; from so many events on one read of all of them is cheaper."""

_log = structlog.get_logger(__name__)


class EventHistory:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._remembered: OrderedDict[WorkloadKey, Loaded] = OrderedDict()
        self._stale: set[WorkloadKey] = set()

    async def load(self, key: WorkloadKey, at_least: int) -> Loaded:
        """The state with every event up to the sequence `at_least`, and perhaps later ones."""
        loaded = self._remembered.get(key)
        if loaded is None:
            return self._remember(key, await self._read(key))
        if key in self._stale or loaded.sequence < at_least:
            return self._remember(key, await self._caught_up(key, loaded, at_least))
        return loaded

    async def load_rollout(self, key: WorkloadKey, rollout: str) -> Loaded:
        """One rollout of the workload, be it long over; number, sequence and holder are the whole history's."""
        while True:
            newest = await self._journal.last(EVENTS, subjects.workload_events(key))
            last = await self._last_decision(key)
            end = newest.sequence if newest is not None else 0
            if last is None or last.sequence <= end:
                break
        events = await self._events(subjects.rollout_events(key, rollout), up_to=end)
        decision = _decision(last)
        return Loaded(rebuild(decision, events), end, decision.active if decision is not None else None)

    async def append(self, key: WorkloadKey, loaded: Loaded, decided: Decided) -> Loaded:
        """All of them or none, and only where nothing has come after `loaded`; raises `Conflict` otherwise."""
        try:
            sequence = await self._journal.append(
                EVENTS,
                [_outgoing(key, decision) for decision in decided.decisions],
                filter_subject=subjects.workload_events(key),
                expected_last_sequence=loaded.sequence,
            )
        except Conflict:
            metrics.conflicts.inc()
            raise
        metrics.count_decisions(decided.decisions)
        appended = Loaded(decided.workload, sequence, decided.decisions[-1].active)
        if self._remembered.get(key) is loaded:
            return self._remember(key, appended)
        self.forget(key)
        return appended

    def forget(self, key: WorkloadKey) -> None:
        """What is remembered is behind: what came since is read at the next load."""
        self._stale.add(key)

    async def _read(self, key: WorkloadKey) -> Loaded:
        last = _decision(await self._last_decision(key))
        if last is not None:
            return await self.load_rollout(key, holder(last))
        newest = await self._journal.last(EVENTS, subjects.workload_events(key))
        return Loaded(fold(()), newest.sequence if newest is not None else 0, None)

    async def _caught_up(self, key: WorkloadKey, loaded: Loaded, at_least: int) -> Loaded:
        behind = await self._behind(key, loaded.sequence, at_least)
        if not behind:
            return loaded
        workload = fold(_decoded(behind), loaded.workload)
        return Loaded(workload, behind[-1].sequence, workload.active.id if workload.active is not None else None)

    async def _behind(self, key: WorkloadKey, sequence: int, at_least: int) -> list[Message]:
        """What came since, up to the event that is asked about; if anything stands behind that, an append finds out."""
        found: list[Message] = []
        filter_subject = subjects.workload_events(key)
        while len(found) < SINGLE_READS_MAX:
            message = await self._journal.next(EVENTS, filter_subject, after_sequence=sequence)
            if message is None:
                return found
            found.append(message)
            sequence = message.sequence
            if sequence >= at_least and key not in self._stale:
                return found
        return found + await self._journal.read(EVENTS, filter_subject, after_sequence=sequence)

    async def _last_decision(self, key: WorkloadKey) -> Message | None:
        return await self._journal.last(EVENTS, subjects.workload_decisions(key))

    async def _events(self, subject_filter: str, *, up_to: int) -> list[AnyEvent]:
        messages = await self._journal.read(EVENTS, subject_filter)
        return list(_decoded(message for message in messages if message.sequence <= up_to))

    def _remember(self, key: WorkloadKey, loaded: Loaded) -> Loaded:
        self._stale.discard(key)
        self._remembered[key] = loaded
        self._remembered.move_to_end(key)
        if len(self._remembered) > WORKLOADS_REMEMBERED_MAX:
            forgotten, _ = self._remembered.popitem(last=False)
            self._stale.discard(forgotten)
        return loaded


def _outgoing(key: WorkloadKey, decision: AnyDecision) -> Outgoing:
    subject = subjects.event(key, decision.rollout, "orchestrator", tag_of(decision))
    # Two copies may take the same decision at once: only their ids tell whose append it was.
    return Outgoing(subject, uuid.uuid4().hex, decision, decision.cause)


def _decision(message: Message | None) -> Decision | None:
    if message is None:
        return None
    event = event_decoder.decode(message.payload)
    assert isinstance(event, Decision), "only the orchestrator may publish under its name"
    return event


def _decoded(messages: Iterable[Message]) -> Iterable[AnyEvent]:
    """The events that this version knows; a fact of a newer one is not for us to decide on."""
    for message in messages:
        try:
            yield event_decoder.decode(message.payload)
        except msgspec.MsgspecError as error:
            _log.warning(
                "an event can't be read", subject=message.subject, sequence=message.sequence, reason=str(error)
            )

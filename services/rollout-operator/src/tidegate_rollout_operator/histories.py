"""The views of workloads' histories, each read as far as it goes and then from there on.

Called by `reconcile`. What is heard on the bus only wakes; what counts is read from the stream's leader.
"""

from typing import NamedTuple

import msgspec
import structlog
from msgspec.structs import replace

from tidegate_chassis.journal import Journal
from tidegate_chassis.message import Message
from tidegate_contracts import subjects
from tidegate_contracts.codec import AnyEvent, event_decoder, tag_of
from tidegate_contracts.decisions import RolloutAccepted
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.view import View, evolve

_log = structlog.get_logger(__name__)


class Happening(NamedTuple):
    """An event, and how far the workload is with it."""

    event: AnyEvent
    view: View


class Histories:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._views: dict[WorkloadKey, View] = {}

    async def view(self, key: WorkloadKey) -> tuple[View, list[Happening]]:
        """The view at the history's present end, and what came since it was last asked for."""
        view = self._views.get(key)
        if view is None:
            view = View(sequence=await self._before_newest(key))
        since: list[Happening] = []
        for message in await self._journal.read(EVENTS, subjects.workload_events(key), after_sequence=view.sequence):
            event = _read(message)
            view = evolve(view, message.sequence, event) if event is not None else _passed(view, message)
            since += [Happening(event, view)] if event is not None else []
        self._views[key] = view
        return view, since

    def forget(self, key: WorkloadKey) -> None:
        """Nobody asks for this workload any more."""
        self._views.pop(key, None)

    async def _before_newest(self, key: WorkloadKey) -> int:
        """Just before the newest rollout was accepted; what came earlier is another rollout's."""
        accepted = await self._journal.last(EVENTS, subjects.workload_decisions(key, tag_of(RolloutAccepted)))
        return accepted.sequence - 1 if accepted is not None else 0


def _read(message: Message) -> AnyEvent | None:
    """The event; None for one that a newer version says, and this one does not know."""
    try:
        event: AnyEvent = event_decoder.decode(message.payload)
    except msgspec.MsgspecError as error:
        _log.warning("an event can't be read", subject=message.subject, sequence=message.sequence, reason=str(error))
        return None
    return event


def _passed(view: View, message: Message) -> View:
    """Past an event that changes nothing that is told here."""
    return replace(view, sequence=message.sequence)

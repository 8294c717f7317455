"""The guards of this cluster: read from their stream, and read on whenever something new was heard.

Every copy reads them all, because every copy answers the admission webhook. `app` runs it and has `wards` told of each.
What can't be understood goes to the dead letters, where its author can find out why.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from tidegate_chassis import reading
from tidegate_chassis.context import Context
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.hearing import hear
from tidegate_chassis.message import Message
from tidegate_contracts import subjects
from tidegate_contracts.codec import Malformed, decode_guard
from tidegate_contracts.guards import Guard
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.topology import GUARDS
from tidegate_contracts.validate import validate_guard
from tidegate_contracts.workload import WorkloadKey

REREAD_S: Final = 30.0
"""How long we rely on having heard of everything new."""

RETRY_S: Final = 1.0

STORED_AFTER_S: Final = (0.0, 0.02, 0.1, 0.5, 2.0)
"""Waits before each look for what was heard: a message is heard before the stream has it on disk."""

_log = structlog.get_logger(__name__)
Changed = Callable[[WorkloadKey, Guard], None]


class Guards:
    """A worker that tells `changed` of each message, in the stream's order."""

    def __init__(self, context: Context, changed: Changed) -> None:
        self._context = context
        self._changed = changed
        self._filter = subjects.guards_of(context.settings.cluster)
        self._sequence = 0
        self._news = asyncio.Event()
        self._read = False
        hear(context.broker, self._filter, self._heard)

    def __repr__(self) -> str:
        return "the guards"

    def problem(self) -> str | None:
        """A health check."""
        return None if self._read else "the guards are not read yet"

    async def run(self) -> None:
        waits_s: tuple[float, ...] = (0.0,)
        while True:
            self._news.clear()
            try:
                for wait_s in waits_s:
                    await self._context.clock.sleep(wait_s)
                    if await self._read_on():
                        break
            except OperatingError as error:
                _log.warning("the guards could not be read", reason=error.reason)
                await self._context.clock.sleep(RETRY_S)
                continue
            waits_s = STORED_AFTER_S if await self._heard_of_news() else (0.0,)

    async def stop(self) -> None:
        """There is nothing to hand over."""

    async def _heard(self, _message: object) -> None:
        self._news.set()

    async def _heard_of_news(self) -> bool:
        """Whether there are any, as far as was heard; returns after a while, too."""
        try:
            async with asyncio.timeout(REREAD_S):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _read_on(self) -> bool:
        """Takes what is new, and tells whether anything was."""
        connection = self._context.connection
        found = await reading.many(connection, GUARDS, self._filter, after_sequence=self._sequence)
        for message in found:
            await self._take(message)
            self._sequence = message.sequence
        self._read = True
        return bool(found)

    async def _take(self, message: Message) -> None:
        found = _decoded(message)
        if isinstance(found, tuple):
            await self._context.publisher.dead(message, "a guard that can't be understood", found)
            return
        key = subjects.parse_guard(message.subject)
        _log.info("a guard was heard of", workload=str(key), guard=type(found).__name__, by=found.by)
        self._changed(key, found)


def _decoded(message: Message) -> Guard | tuple[Problem, ...]:
    """The guard, or what is wrong with it."""
    try:
        key = subjects.parse_guard(message.subject)
        guard = decode_guard(message.payload)
    except Malformed as error:
        return (error.problem,)
    except ValueError:
        return (problem("subject", message.subject, "the subject of a guard", "Publish it with `tidegate guard`."),)
    problems = validate_guard(guard, key.namespace)
    named = WorkloadKey.of(key.cluster, key.namespace, guard.about)
    if not problems and named != key:
        remedy = "Publish it to the subject of the workload that it names."
        return (problem("workload", str(named), f"the subject's workload, {key}", remedy),)
    return problems or guard

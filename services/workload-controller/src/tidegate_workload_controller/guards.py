"""The guards of this cluster: read from their stream, and read on whenever something new was heard.

Every copy reads them all, because every copy answers the admission webhook. `app` runs it and has `wards` told of each.
What can't be understood goes to the dead letters, where its author can find out why.
"""

from collections.abc import Callable

import structlog

from tidegate_chassis.context import Context
from tidegate_chassis.following import Following
from tidegate_chassis.hearing import hear
from tidegate_chassis.message import Message
from tidegate_contracts import subjects
from tidegate_contracts.codec import Malformed, decode_guard
from tidegate_contracts.guards import Guard
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.topology import GUARDS
from tidegate_contracts.validate import validate_guard
from tidegate_contracts.workload import WorkloadKey

_log = structlog.get_logger(__name__)
Changed = Callable[[WorkloadKey, Guard], None]


class Guards:
    """A worker that tells `changed` of each message, in the stream's order."""

    def __init__(self, context: Context, changed: Changed) -> None:
        self._context = context
        self._changed = changed
        guards = subjects.guards_of(context.settings.cluster)
        self._following = Following(context.connection, context.clock, GUARDS, guards, self._take)
        hear(context.broker, guards, self._heard)

    def __repr__(self) -> str:
        return "the guards"

    def problem(self) -> str | None:
        """A health check."""
        return None if self._following.is_read else "the guards are not read yet"

    async def run(self) -> None:
        await self._following.run()

    async def stop(self) -> None:
        """There is nothing to hand over."""

    async def _heard(self, _message: object) -> None:
        self._following.news()

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

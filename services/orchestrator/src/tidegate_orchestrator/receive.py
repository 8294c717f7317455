"""Delivered messages made into inputs of the decider: whose workload it is, and what has to be looked up for
it.

Called by `app` for each durable; hands over to `handle`. What can't be tied to any workload becomes a dead
letter here.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import msgspec

from tidegate_chassis.delivery import Delivered
from tidegate_chassis.errors import Permanent
from tidegate_chassis.journal import Journal
from tidegate_chassis.lanes import Lanes
from tidegate_chassis.message import Message
from tidegate_contracts import names, subjects
from tidegate_contracts.codec import Malformed, decode_request, event_decoder
from tidegate_contracts.controls import Control, Replan
from tidegate_contracts.decisions import RolloutAccepted, RolloutRejected
from tidegate_contracts.envelope import rollout_id
from tidegate_contracts.facts import AnyFact
from tidegate_contracts.problem import Problem, printable
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.validate import validate, validate_control
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_orchestrator.handle import Handler, Loaded
from tidegate_orchestrator.inputs import Input, Reported, Requested, Told, Woken
from tidegate_orchestrator.requests import oversize

Understand = Callable[[Loaded], Awaitable[Input]]
_Parts = TypeVar("_Parts")
_ACCEPTED = "rollout.accepted.v1"
_REJECTED = "rollout.rejected.v1"


class _Addressed(msgspec.Struct):
    """As much of an unreadable request as says where its answer belongs."""

    workload: WorkloadReference
    rollout: str | None = None


class Receiver:
    def __init__(self, handler: Handler, journal: Journal) -> None:
        self._handler = handler
        self._journal = journal
        self._lanes = Lanes()

    async def request(self, delivered: Delivered[bytes]) -> None:
        """A request; one that can't be read is rejected in the history of the workload that it names, if any."""
        message = delivered.message
        cluster, namespace = _read(subjects.parse_request, message.subject)
        request, problems, address = _understood(delivered.body, namespace)
        key = _key(cluster, namespace, address.workload, problems)

        async def understand(loaded: Loaded) -> Input:
            del loaded
            return await self._requested(key, message, request, problems, address)

        await self._handle(key, understand)

    async def control(self, delivered: Delivered[Control]) -> None:
        cluster, namespace, rollout = _read(subjects.parse_control, delivered.message.subject)
        key, told = await self._key_of(cluster, namespace, rollout), delivered.body
        problems = validate_control(told, namespace) if isinstance(told, Replan) else ()

        async def understand(loaded: Loaded) -> Input:
            return Told(id=delivered.message.id, rollout=rollout, control=told, problems=problems, holder=loaded.holder)

        await self._handle(key, understand, about=rollout)

    async def fact(self, delivered: Delivered[AnyFact]) -> None:
        key = subjects.parse_event(delivered.message.subject).key

        async def understand(loaded: Loaded) -> Input:
            del loaded
            return Reported(id=delivered.message.id, fact=delivered.body)

        await self._handle(key, understand, at_least=delivered.message.sequence)
        if delivered.message.deliveries > 1:
            await self._handler.tell_past(key, delivered.body.rollout)

    async def timer(self, delivered: Delivered[TimerDue]) -> None:
        async def understand(loaded: Loaded) -> Input:
            del loaded
            return Woken(id=delivered.message.id)

        await self._handle(subjects.parse_timer(delivered.message.subject), understand, afresh=True)

    async def _handle(
        self,
        key: WorkloadKey,
        understand: Understand,
        *,
        at_least: int = 0,
        about: str | None = None,
        afresh: bool = False,
    ) -> None:
        """One message of a workload after another: a race within this process would only cost a second look."""
        async with self._lanes.turn(key):
            await self._handler.handle(key, understand, at_least=at_least, about=about, afresh=afresh)

    async def _requested(
        self,
        key: WorkloadKey,
        message: Message,
        request: RolloutRequested | None,
        problems: tuple[Problem, ...],
        address: _Addressed,
    ) -> Requested:
        spare = rollout_id(message.id)
        wanted = address.rollout if address.rollout is not None and names.is_label(address.rollout) else spare
        newest = await self._said(subjects.workload_decisions(key, _ACCEPTED))
        return Requested(
            id=message.id,
            request=request,
            sequence=message.sequence,
            rollout=wanted,
            spare_rollout=spare,
            problems=problems,
            earlier=tuple(await self._answers(key, dict.fromkeys((wanted, spare)))),
            newest=newest if isinstance(newest, RolloutAccepted) else None,
        )

    async def _answers(self, key: WorkloadKey, rollouts: Iterable[str]) -> list[RolloutAccepted | RolloutRejected]:
        filters = [
            subjects.find_rollout(key.cluster, key.namespace, rollout, tag)
            for rollout in rollouts
            for tag in (_ACCEPTED, _REJECTED)
        ]
        answers = [await self._said(subject_filter) for subject_filter in filters]
        return [answer for answer in answers if answer is not None]

    async def _said(self, subject_filter: str) -> RolloutAccepted | RolloutRejected | None:
        message = await self._journal.last(EVENTS, subject_filter)
        if message is None:
            return None
        event = event_decoder.decode(message.payload)
        assert isinstance(event, RolloutAccepted | RolloutRejected), "the filter asks for nothing else"
        return event

    async def _key_of(self, cluster: str, namespace: str, rollout: str) -> WorkloadKey:
        found = await self._journal.last(EVENTS, subjects.find_rollout(cluster, namespace, rollout))
        if found is None:
            raise Permanent(
                f"there is no rollout {rollout} in namespace {namespace}",
                code="not-found",
                field="rollout",
                value=rollout,
                rule="a rollout that was asked for in this namespace",
                remedy="`tidegate list` shows them.",
            )
        return subjects.parse_event(found.subject).key


def lane(delivered: Delivered[bytes]) -> str:
    """Requests of one namespace are taken in the order of their arrival, so that the newer one supersedes."""
    return delivered.message.subject


def _read(parse: Callable[[str], _Parts], subject: str) -> _Parts:
    """A subject's names; raises `Permanent` where they are none, as a publisher of hostile ones must expect."""
    try:
        return parse(subject)
    except ValueError as error:
        raise Permanent(
            f"a subject that holds no names: {error}",
            code="invalid",
            field="subject",
            value=printable(subject),
            rule=str(error),
            remedy="Publish to the subject that docs/requests.md describes.",
        ) from error


def _understood(body: bytes, namespace: str) -> tuple[RolloutRequested | None, tuple[Problem, ...], _Addressed]:
    """The request, what is wrong with it, and whose it is; raises `Permanent` where that can't be told."""
    try:
        request = decode_request(body)
    except Malformed as error:
        return None, (error.problem,), _addressed(body, error.problem)
    problems = validate(request, namespace)
    too_large = oversize(request) if not problems else None
    if too_large is not None:
        problems = (too_large,)
    return request, problems, _Addressed(request.workload, request.rollout)


def _addressed(body: bytes, problem: Problem) -> _Addressed:
    try:
        return msgspec.json.decode(body, type=_Addressed)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unanswerable(problem) from error


def _key(cluster: str, namespace: str, workload: WorkloadReference, problems: tuple[Problem, ...]) -> WorkloadKey:
    usable = (
        names.is_name(workload.name) and names.is_kind(workload.kind) and names.is_api_version(workload.api_version)
    )
    if not usable:
        raise _unanswerable(problems[0])
    return WorkloadKey.of(cluster, namespace, workload)


def _unanswerable(problem: Problem) -> Permanent:
    return Permanent(
        f"a request that can't be answered in any workload's history: {problem}",
        code="invalid",
        field=problem.field,
        value=problem.value,
        rule=problem.rule,
        remedy=problem.remedy,
    )

"""Histories read from a stream and appended to by compare-and-set: what the orchestrator stands on.

An append names the last sequence of the history that it was decided on. When the answer leaves open what happened
(none came, or a sequence was already taken), what stands behind that sequence is read back: our ids there mean that
the append is done, another's that somebody else was first. One stream answers a repeated id as a conflict, a
replicated one as a duplicate; reading back treats both alike.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import structlog
from nats.nuid import NUID

from tidegate_chassis import jetstream, reading, telemetry
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import Conflict, OperatingError, Permanent, Transient, UnknownOutcome
from tidegate_chassis.message import Message
from tidegate_contracts.codec import encode, tag_of
from tidegate_contracts.envelope import Envelope

APPEND_TIMEOUT_S: Final = 2.0
DEADLINE_S: Final = 10.0
RETRY_WAIT_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
BATCH_MESSAGES_MAX: Final = 100
EXPECTED_SEQUENCE: Final = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_SUBJECT: Final = "Nats-Expected-Last-Subject-Sequence-Subject"

_log = structlog.get_logger(__name__)
_nuid = NUID()


class Outgoing(NamedTuple):
    subject: str
    id: str
    body: msgspec.Struct
    cause: str = ""


class Journal:
    def __init__(self, connection: Connection, service: str, clock: Clock) -> None:
        self._connection = connection
        self._service = service
        self._clock = clock

    async def last(self, stream: str, subject_filter: str) -> Message | None:
        """The last message of a filter, read from the stream's leader."""
        return await reading.one(self._connection, stream, {"last_by_subj": subject_filter})

    async def read(self, stream: str, subject_filter: str, *, after_sequence: int = 0) -> list[Message]:
        """All messages of a filter behind a sequence, in order, up to the one that is the leader's last."""
        messages = await reading.many(self._connection, stream, subject_filter, after_sequence=after_sequence)
        sequence = messages[-1].sequence if messages else after_sequence
        while (found := await self.next(stream, subject_filter, after_sequence=sequence)) is not None:
            messages.append(found)
            sequence = found.sequence
        return messages

    async def next(self, stream: str, subject_filter: str, *, after_sequence: int) -> Message | None:
        """The first message of a filter behind a sequence, read from the stream's leader: one round trip."""
        query = {"seq": after_sequence + 1, "next_by_subj": subject_filter}
        return await reading.one(self._connection, stream, query)

    async def append(
        self, stream: str, messages: Sequence[Outgoing], *, filter_subject: str, expected_last_sequence: int
    ) -> int:
        """Appends all or none behind the expected sequence, and returns the sequence of the last one.

        Raises:
            Conflict: somebody else appended; nothing of ours is there. Load and decide again.
            Transient: nothing was stored.
            UnknownOutcome: it can't be told before the deadline; whoever redelivers finds out.
            Permanent: it can never be stored.
        """
        assert 0 < len(messages) <= BATCH_MESSAGES_MAX, "a decision is small"
        deadline_s = self._clock.monotonic_s() + DEADLINE_S
        in_doubt = False
        for tries in range(1_000):
            try:
                return await self._send(messages, filter_subject, expected_last_sequence)
            except Permanent:
                raise
            except OperatingError as error:
                in_doubt = in_doubt or isinstance(error, UnknownOutcome)
                failure = error
            if not isinstance(failure, Transient) or in_doubt:
                sequence = await self._settle(stream, messages, filter_subject, expected_last_sequence)
                if sequence is not None:
                    return sequence
            wait_s = RETRY_WAIT_S[min(tries, len(RETRY_WAIT_S) - 1)]
            if self._clock.monotonic_s() + wait_s > deadline_s:
                raise UnknownOutcome(failure.reason) if in_doubt else Transient(failure.reason)
            await self._clock.sleep(wait_s)
        raise UnknownOutcome("an append was tried too often")

    async def _settle(
        self, stream: str, messages: Sequence[Outgoing], filter_subject: str, expected: int
    ) -> int | None:
        """The sequence of our last message if it is there; None if nothing is; `Conflict` if only others' are."""
        try:
            behind = await self.read(stream, filter_subject, after_sequence=expected)
        except (Transient, UnknownOutcome) as error:
            _log.info("an append could not be read back yet", reason=error.reason)
            return None
        for message in behind:
            if message.id == messages[-1].id:
                return message.sequence
        if behind:
            raise Conflict(f"{filter_subject} went on to {behind[-1].sequence}, behind {expected}")
        return None

    async def _send(self, messages: Sequence[Outgoing], filter_subject: str, expected: int) -> int:
        guard = {EXPECTED_SEQUENCE: str(expected), EXPECTED_SUBJECT: filter_subject}
        batch = _nuid.next().decode() if len(messages) > 1 else None
        for index, message in enumerate(messages):
            headers = self._headers(message) | (guard if index == 0 else {})
            is_last = index == len(messages) - 1
            if batch is not None:
                headers |= {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(index + 1)}
                headers |= {"Nats-Batch-Commit": "1"} if is_last else {}
            if is_last:
                return await self._commit(message, headers)
            await self._connection.online(APPEND_TIMEOUT_S)
            await jetstream.send(self._connection, message.subject, encode(message.body), headers)
        raise AssertionError("unreachable: the last message returns")

    async def _commit(self, message: Outgoing, headers: dict[str, str]) -> int:
        ack = await jetstream.publish(
            self._connection, message.subject, encode(message.body), headers, timeout_s=APPEND_TIMEOUT_S
        )
        telemetry.PUBLISHED.labels(telemetry.template(message.subject), "stored").inc()
        return ack.seq

    def _headers(self, message: Outgoing) -> dict[str, str]:
        return Envelope(
            id=message.id,
            type=tag_of(message.body),
            source=self._service,
            time_s=self._clock.now_s(),
            cause=message.cause,
            traceparent=telemetry.traceparent(),
        ).headers()

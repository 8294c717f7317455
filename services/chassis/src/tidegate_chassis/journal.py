"""Histories read from a stream and appended to by compare-and-set: what the orchestrator stands on.

An append names the last sequence of the history that it was decided on. When the answer leaves open what happened
(none came, or a sequence was already taken), what stands behind that sequence is read back: our ids there mean that
the append is done, another's that somebody else was first. One stream answers a repeated id as a conflict, a
replicated one as a duplicate; reading back treats both alike.
"""

import base64
import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from nats.nuid import NUID

from tidegate_chassis import jetstream, telemetry
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import Conflict, OperatingError, Permanent, Transient, UnknownOutcome
from tidegate_chassis.message import Message, stored
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
        return await self._get(stream, {"last_by_subj": subject_filter})

    async def read(self, stream: str, subject_filter: str, *, after_sequence: int = 0) -> list[Message]:
        """All messages of a filter behind a sequence, in order, read one by one from the stream's leader."""
        messages: list[Message] = []
        sequence = after_sequence
        while (found := await self._get(stream, {"seq": sequence + 1, "next_by_subj": subject_filter})) is not None:
            messages.append(found)
            sequence = found.sequence
        return messages

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

    async def _get(self, stream: str, query: dict[str, Any]) -> Message | None:
        answer = await jetstream.api(self._connection, f"STREAM.MSG.GET.{stream}", query)
        error = jetstream.api_error(answer)
        if error is None:
            return _from_api(stream, answer["message"])
        if error.err_code == jetstream.NO_MESSAGE:
            return None
        raise error.as_error(f"{stream} could not be read")


def _from_api(stream: str, message: dict[str, Any]) -> Message:
    # The client's own reader of header blocks, so that both ways of getting a message read them alike.
    return stored(
        message["subject"],
        base64.b64decode(message.get("data", "")),
        _parse_headers(base64.b64decode(message.get("hdrs", ""))),
        stream=stream,
        sequence=message["seq"],
        time_ns=_nanoseconds(message["time"]),
    )


def _parse_headers(block: bytes) -> dict[str, str]:
    lines = block.decode(errors="replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name: value.strip() for name, _, value in pairs}


def _nanoseconds(time: str) -> int:
    whole, _, fraction = time.rstrip("Z").partition(".")
    seconds = int(dt.datetime.fromisoformat(whole).replace(tzinfo=dt.UTC).timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)

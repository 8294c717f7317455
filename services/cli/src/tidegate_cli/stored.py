"""What the history holds, read without a consumer: batched direct gets, which a reader needs no right to create for.

`Events` reads from the account of people (`tidegate.api`) or from the services' own (`$JS.API`), whichever this user
has. `follow` reads again whenever something was heard, so nothing is missed and every event has its place.
"""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
import nats.errors
from nats.aio.msg import Msg

from tidegate_cli.bus import Bus
from tidegate_cli.errors import CommandError, Exit, unreachable
from tidegate_contracts import subjects, topology
from tidegate_contracts.codec import AnyEvent, event_decoder
from tidegate_contracts.subjects import EventSubject

BATCH_MESSAGES: Final = 256
REREAD_S: Final = 2.0
"""How long a follower relies on having heard of everything new."""

OUTAGE_S: Final = 60.0
"""How long a follower waits for a bus that went away."""

RETRY_S: Final = 0.5


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event with its place: what it was stored under, when, and with which envelope."""

    sequence: int
    subject: str
    stored_at: str
    headers: dict[str, str]
    payload: bytes
    parsed: EventSubject | None
    event: AnyEvent | None
    """None where this version does not know the event, or can't read it."""


class Events:
    """The stored events that this user may read."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._api: str | None = None

    async def read(
        self, subject_filter: str, *, after: int = 0, since: dt.datetime | None = None
    ) -> AsyncIterator[StoredEvent]:
        """All stored events of a filter, in order, behind a sequence or from a time on."""
        start: dict[str, object] = {"seq": after + 1}
        if since is not None and not after:
            start = {"start_time": since.isoformat()}
        async for message in self.messages(topology.EVENTS, subject_filter, start):
            yield stored_event(message)

    async def messages(
        self, stream: str, subject_filter: str, start: dict[str, object] | None = None
    ) -> AsyncIterator[Msg]:
        """All messages of a filter that a stream holds, in order, from its beginning or from where it is said."""
        place: dict[str, object] = start or {"seq": 1}
        pending = 1
        while pending:
            question = {**place, "next_by_subj": subject_filter, "batch": BATCH_MESSAGES}
            batch, pending = await self._batch(stream, question)
            for message in batch:
                yield message
            if batch:
                place = {"seq": int((batch[-1].headers or {})["Nats-Sequence"]) + 1}

    async def follow(self, subject_filter: str, *, after: int = 0) -> AsyncIterator[StoredEvent]:
        """Events behind a sequence, and then each new one as it comes, for ever, over short outages of the bus."""
        news = asyncio.Event()

        async def hear(_message: Msg) -> None:
            news.set()

        await self._bus.subscribe(subject_filter, hear)
        silent_since = time.monotonic()
        while True:
            _end_if_cancelled()
            news.clear()
            try:
                async for event in self.read(subject_filter, after=after):
                    after = event.sequence
                    yield event
                silent_since = time.monotonic()
            except CommandError as error:
                if error.code is not Exit.UNREACHABLE or time.monotonic() - silent_since > OUTAGE_S:
                    raise
                await asyncio.sleep(RETRY_S)
                continue
            try:
                async with asyncio.timeout(REREAD_S):
                    await news.wait()
            except TimeoutError:
                continue

    async def last_sequence(self) -> int:
        """Of the whole stream, to go on from there."""
        info = await self.stream(topology.EVENTS)
        return int(info["state"]["last_seq"])

    async def subjects(self, subject_filter: str) -> dict[str, int]:
        """Every subject that holds an event, and how many: an index of all rollouts that needs no event read."""
        found: dict[str, int] = {}
        while True:
            info = await self.stream(topology.EVENTS, subjects_filter=subject_filter, offset=len(found))
            page = info["state"].get("subjects") or {}
            found.update(page)
            if not page or len(found) >= info.get("total", 0):
                return found

    async def stream(self, name: str, **question: object) -> dict[str, Any]:
        """What the server says of a stream."""
        reply = await self._bus.request(f"{await self.api()}.STREAM.INFO.{name}", msgspec.json.encode(question))
        info: dict[str, Any] = msgspec.json.decode(reply.data)
        if "error" in info:
            raise CommandError(
                Exit.UNREACHABLE, f"{name}: {info['error'].get('description')}", "Run `tidegate doctor`."
            )
        return info

    async def api(self) -> str:
        """The prefix under which this user reaches the JetStream API."""
        if self._api is None:
            self._api = await self._find_api()
        return self._api

    async def _find_api(self) -> str:
        refusals: list[CommandError] = []
        for prefix in (topology.PEOPLE_API, topology.SERVICES_API):
            try:
                await self._bus.request(f"{prefix}.DIRECT.GET.{topology.EVENTS}", b'{"last_by_subj":"tidegate.none"}')
            except CommandError as error:
                refusals.append(error)
            else:
                return prefix
        # Each user may ask at one of the two doors at most: what is wrong behind that one is what there is to say.
        telling = [error for error in refusals if error.code is not Exit.NOT_PERMITTED]
        raise (telling or refusals)[0]

    async def _batch(self, stream: str, question: dict[str, object]) -> tuple[list[Msg], int]:
        """The messages of one batch, and how many are still to be read."""
        client, timeout_s = self._bus.client, self._bus.settings.timeout_s
        subject = f"{await self.api()}.DIRECT.GET.{stream}"
        found: list[Msg] = []
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        try:
            await client.publish(subject, msgspec.json.encode(question), inbox)
            while True:
                message = await answers.next_msg(timeout=timeout_s)
                headers = message.headers or {}
                match headers.get("Status"):
                    case None:
                        found.append(message)
                    case "204":
                        return found, int(headers.get("Nats-Num-Pending", 0))
                    case "404":
                        return found, 0
                    case status:
                        raise unreachable(self._bus.settings.server, f"the history answers {status}")
        except nats.errors.TimeoutError as error:
            raise unreachable(self._bus.settings.server, "the history does not answer") from error
        finally:
            await answers.unsubscribe()


def _end_if_cancelled() -> None:
    """The client waits with `asyncio.wait_for`: before Python 3.12 it forgets a cancellation that meets the answer.

    A follower would go on for ever after an interrupt that came at such a moment.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def stored_event(message: Msg) -> StoredEvent:
    headers = dict(message.headers or {})
    subject = headers["Nats-Subject"]
    try:
        parsed = subjects.parse_event(subject)
    except ValueError:
        parsed = None
    return StoredEvent(
        sequence=int(headers["Nats-Sequence"]),
        subject=subject,
        stored_at=headers["Nats-Time-Stamp"],
        headers={name: value for name, value in headers.items() if not name.startswith("Nats-")},
        payload=message.data,
        parsed=parsed,
        event=decoded(message.data),
    )


def decoded(payload: bytes) -> AnyEvent | None:
    """The event, or None where it is a newer version's or nobody's."""
    try:
        event: AnyEvent = event_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event

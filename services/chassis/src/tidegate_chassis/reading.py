"""Reads stored messages: the last or the next of a filter from the stream's leader, or many at once from any server.

Used by `journal`. A read of many may be answered by a server that lags behind; whoever needs the very last asks the
leader for what follows.
"""

import asyncio
import base64
import datetime as dt
import json
from typing import Any, Final

from nats.aio.msg import Msg

from tidegate_chassis import jetstream
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import Transient, UnknownOutcome
from tidegate_chassis.message import Message, stored

BATCH_MESSAGES: Final = 256
BATCH_TIMEOUT_S: Final = 5.0
_END: Final = "204"
_NONE: Final = "404"
_PLACE: Final = frozenset(
    {"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence"}
)


async def one(connection: Connection, stream: str, query: dict[str, Any]) -> Message | None:
    """One message by the leader's own account; None where there is none."""
    answer = await jetstream.api(connection, f"STREAM.MSG.GET.{stream}", query)
    error = jetstream.api_error(answer)
    if error is None:
        return _from_api(stream, answer["message"])
    if error.err_code == jetstream.NO_MESSAGE:
        return None
    raise error.as_error(f"{stream} could not be read")


async def many(
    connection: Connection, stream: str, subject_filter: str, *, after_sequence: int = 0, since_s: float | None = None
) -> list[Message]:
    """All messages of a filter, in order, as one server of the stream knows them.

    Args:
        connection: Who asks.
        stream: Where.
        subject_filter: Which.
        after_sequence: Only those behind it.
        since_s: In epoch seconds: only those that the stream stored since then; of use without a sequence only.
    """
    messages: list[Message] = []
    sequence, is_more = after_sequence, True
    while is_more:
        start = {"seq": sequence + 1} if since_s is None or sequence else {"start_time": _time(since_s)}
        found, is_more = await _batch(connection, stream, {**start, "next_by_subj": subject_filter})
        messages += found
        sequence = found[-1].sequence if found else sequence
    return messages


async def _batch(connection: Connection, stream: str, query: dict[str, Any]) -> tuple[list[Message], bool]:
    """The next messages, and whether there are more."""
    await connection.online(BATCH_TIMEOUT_S)
    inbox = connection.client.new_inbox()
    answers: list[Msg] = []
    ended = asyncio.Event()

    async def collect(answer: Msg) -> None:
        answers.append(answer)
        if "Status" in (answer.headers or {}):
            ended.set()

    subscription = await jetstream.subscribed(connection, inbox, collect)
    try:
        asked = json.dumps({**query, "batch": BATCH_MESSAGES}).encode()
        await jetstream.send(connection, f"{jetstream.API}.DIRECT.GET.{stream}", asked, reply=inbox)
        async with asyncio.timeout(BATCH_TIMEOUT_S):
            await ended.wait()
    except TimeoutError as error:
        raise UnknownOutcome(f"{stream} was not read within {BATCH_TIMEOUT_S:g} s") from error
    finally:
        await jetstream.unsubscribed(subscription)
    end = answers.pop().headers or {}
    if end["Status"] not in (_END, _NONE):
        raise Transient(f"{stream} could not be read: {end['Status']}")
    return [_from_direct(answer) for answer in answers], end.get("Nats-Num-Pending", "0") != "0"


def _from_direct(answer: Msg) -> Message:
    headers = answer.headers or {}
    return stored(
        headers["Nats-Subject"],
        answer.data,
        {name: value for name, value in headers.items() if name not in _PLACE},
        stream=headers["Nats-Stream"],
        sequence=int(headers["Nats-Sequence"]),
        time_ns=_nanoseconds(headers["Nats-Time-Stamp"]),
    )


def _from_api(stream: str, message: dict[str, Any]) -> Message:
    return stored(
        message["subject"],
        base64.b64decode(message.get("data", "")),
        _headers(base64.b64decode(message.get("hdrs", ""))),
        stream=stream,
        sequence=message["seq"],
        time_ns=_nanoseconds(message["time"]),
    )


def _headers(block: bytes) -> dict[str, str]:
    lines = block.decode(errors="replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name: value.strip() for name, _, value in pairs}


def _time(epoch_s: float) -> str:
    return dt.datetime.fromtimestamp(epoch_s, tz=dt.UTC).isoformat().replace("+00:00", "Z")


def _nanoseconds(time: str) -> int:
    whole, _, fraction = time.rstrip("Z").partition(".")
    seconds = int(dt.datetime.fromisoformat(whole).replace(tzinfo=dt.UTC).timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)

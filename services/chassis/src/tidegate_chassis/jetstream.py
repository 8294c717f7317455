"""JetStream's request and reply, with its answers told apart as the closed vocabulary of errors wants it.

Used by `publish`, `journal`, `timers` and `topology`. A request that got no answer is an `UnknownOutcome`; a request
that was never sent, or that nobody serves, is `Transient`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import Conflict, OperatingError, Permanent, Transient, UnknownOutcome

API: Final = "$JS.API"
REQUEST_TIMEOUT_S: Final = 5.0
PENDING_MESSAGES_MAX: Final = 65_536
PENDING_BYTES_MAX: Final = 128 * 1024 * 1024

NO_MESSAGE: Final = 10037
CONSUMER_NOT_FOUND: Final = 10014
STREAM_NOT_FOUND: Final = 10059
WRONG_LAST_SEQUENCE: Final = 10071
PROPOSAL_IN_FLIGHT: Final = 10164
SAME_ID_IN_FLIGHT: Final = 10158
BATCH_HAS_DUPLICATE: Final = 10201
INCOMPLETE_BATCH: Final = 10176
"""The connection was made anew in the middle of a batch: the server forgets the whole."""

LOOK_AGAIN: Final = frozenset({WRONG_LAST_SEQUENCE, PROPOSAL_IN_FLIGHT, SAME_ID_IN_FLIGHT, BATCH_HAS_DUPLICATE})
"""Answers that say that something like ours is or was there: only reading back tells whether it was ours."""
_SERVER_FAULT: Final = 500
_BUSY: Final = 429

_log = structlog.get_logger(__name__)


class ApiError(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""

    def as_error(self, what: str) -> OperatingError:
        reason = f"{what}: {self.description} ({self.err_code})"
        if self.err_code in LOOK_AGAIN:
            return Conflict(reason)
        if self.code >= _SERVER_FAULT or self.code == _BUSY or self.err_code == INCOMPLETE_BATCH:
            return Transient(reason)
        return Permanent(reason, code=f"jetstream-{self.err_code}")


class PublishAck(msgspec.Struct, frozen=True):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: ApiError | None = None


_ACK: Final = msgspec.json.Decoder(PublishAck)


async def request(
    connection: Connection,
    subject: str,
    payload: bytes,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = REQUEST_TIMEOUT_S,
) -> Msg:
    """One request; raises Transient (not sent, or nobody there), Permanent (too large) or UnknownOutcome."""
    await connection.online(timeout_s)
    try:
        reply = await connection.client.request(subject, payload, timeout=timeout_s, headers=headers)
    except nats_errors.NoRespondersError as error:
        raise Transient(f"nobody serves {subject}: no stream has it, or JetStream is not up") from error
    except nats_errors.MaxPayloadError as error:
        raise Permanent(f"{len(payload)} bytes are too many for one message", code="too-large") from error
    except (TimeoutError, nats_errors.TimeoutError) as error:
        raise UnknownOutcome(f"no answer on {subject} within {timeout_s:g} s") from error
    except nats_errors.Error as error:
        raise Transient(f"{subject} could not be asked: {error}") from error
    _end_if_cancelled()
    return reply


def _end_if_cancelled() -> None:
    """The client waits with `asyncio.wait_for`: before Python 3.12 it forgets a cancellation that meets the answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def send(
    connection: Connection, subject: str, payload: bytes, headers: dict[str, str] | None = None, *, reply: str = ""
) -> None:
    """Sends without asking for an answer; raises Transient where it can't even be sent."""
    try:
        await connection.client.publish(subject, payload, reply=reply, headers=headers)
    except nats_errors.MaxPayloadError as error:
        raise Permanent(f"{len(payload)} bytes are too many for one message", code="too-large") from error
    except nats_errors.Error as error:
        raise Transient(f"{subject} could not be sent: {error}") from error


async def subscribed(connection: Connection, subject: str, listener: Callable[[Msg], Awaitable[None]]) -> Subscription:
    """Hears a subject from now on, as a rule an inbox; raises Transient where that can't be asked for."""
    try:
        return await connection.client.subscribe(
            subject, cb=listener, pending_msgs_limit=PENDING_MESSAGES_MAX, pending_bytes_limit=PENDING_BYTES_MAX
        )
    except nats_errors.Error as error:
        raise Transient(f"{subject} could not be subscribed to: {error}") from error


async def unsubscribed(subscription: Subscription) -> None:
    """Hears no more; a connection that is gone hears nothing anyway."""
    try:
        await subscription.unsubscribe()
    except nats_errors.Error as error:
        _log.debug("an inbox was left behind", reason=str(error))


async def publish(
    connection: Connection,
    subject: str,
    payload: bytes,
    headers: dict[str, str],
    *,
    timeout_s: float = REQUEST_TIMEOUT_S,
) -> PublishAck:
    """Publishes into a stream and waits for its ack; raises what `ApiError.as_error` makes of a refusal."""
    reply = await request(connection, subject, payload, headers=headers, timeout_s=timeout_s)
    try:
        ack = _ACK.decode(reply.data)
    except msgspec.DecodeError as error:
        raise UnknownOutcome(f"{subject} was answered with no ack") from error
    if ack.error is not None:
        raise ack.error.as_error(f"{subject} was refused")
    return ack


async def api(connection: Connection, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A call of JetStream's API; its error answers are returned as they are, under `error`."""
    payload = json.dumps(body).encode() if body is not None else b""
    reply = await request(connection, f"{API}.{call}", payload)
    answer = json.loads(reply.data)
    if not isinstance(answer, dict):
        raise UnknownOutcome(f"{call} was answered with no object")
    return answer


def api_error(answer: dict[str, Any]) -> ApiError | None:
    error = answer.get("error")
    return None if error is None else msgspec.convert(error, ApiError)

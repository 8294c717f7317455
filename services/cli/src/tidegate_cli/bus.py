"""The command's connection to NATS: publish and be sure, read what is stored, hear what is new.

Every refusal is told apart from silence: the server answers a publish or a subscription that is not allowed with an
error of the connection, never with a reply, so whoever waits for a reply here waits for that error, too.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, NoStreamResponseError

from tidegate_cli.errors import CommandError, Exit, not_permitted, unreachable
from tidegate_cli.settings import Settings

_VIOLATION: Final = re.compile(r'Permissions Violation for (Publish|Subscription) to "([^"]+)"', re.IGNORECASE)
_VERBS: Final = {"publish": "publish to", "subscription": "subscribe to"}
_Answer = TypeVar("_Answer")
PING_INTERVAL_S: Final = 10
RECONNECT_WAIT_S: Final = 1


class Bus:
    """An open connection with the settings that it was opened with."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self._refused: dict[str, str] = {}
        self._news = asyncio.Event()

    def heard(self, error: Exception) -> None:
        """Takes note of an error of the connection, which the client library turns into lower case.

        A permission violation is somebody's answer.
        """
        found = _VIOLATION.search(str(error))
        if found is not None:
            self._refused[found.group(2).lower()] = _VERBS[found.group(1).lower()]
            self._news.set()

    async def allowed(self, subject: str, answer: Awaitable[_Answer]) -> _Answer:
        """The answer to something said on (or asked of) `subject`, unless the server refuses it first."""
        task = asyncio.ensure_future(answer)
        try:
            while True:
                self._news.clear()
                self._raise_if_refused(subject)
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait({task, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if task.done():
                    return task.result()
        finally:
            task.cancel()

    def _raise_if_refused(self, subject: str) -> None:
        verb = self._refused.pop(subject.lower(), None)
        if verb is not None:
            raise not_permitted(self.settings.user, f"{verb} {subject}")

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> bool:
        """Stores a message; False where the stream had it already."""
        jetstream = self.client.jetstream(timeout=self.settings.timeout_s)
        try:
            stored = await self.allowed(subject, jetstream.publish(subject, payload, headers=dict(headers)))
        except NoStreamResponseError as error:
            raise _undeclared(subject) from error
        except APIError as error:
            raise CommandError(Exit.FAILED, f"the bus refused the message: {error.description}") from error
        except (TimeoutError, nats.errors.Error) as error:
            message = f"no answer from NATS within {self.settings.timeout_s:g} s; the message may be stored or not"
            raise CommandError(Exit.UNKNOWN, message, "Look with `tidegate list`; sending it again is safe.") from error
        return not stored.duplicate

    async def request(self, subject: str, payload: bytes) -> Msg:
        try:
            answer = self.client.request(subject, payload, timeout=self.settings.timeout_s)
            return await self.allowed(subject, answer)
        except nats.errors.NoRespondersError as error:
            raise _undeclared(subject) from error
        except (TimeoutError, nats.errors.Error) as error:
            raise unreachable(self.settings.server, f"no answer on {subject}") from error

    async def subscribe(self, subject: str, hear: Callable[[Msg], Awaitable[None]]) -> None:
        """Hears a subject from now on; returns once the server has agreed."""
        await self.client.subscribe(subject, cb=hear)
        await settled(self.client)
        self._raise_if_refused(subject)


async def settled(client: Client) -> None:
    """Returns once the server has dealt with all that was said before, and its refusals have arrived.

    The library's ping overtakes what it still has to send, so only the second answer comes behind everything.
    """
    await client.flush()
    await client.flush()


def message_id() -> str:
    return uuid.uuid4().hex


def _undeclared(subject: str) -> CommandError:
    message = f"nothing listens on {subject}: the streams are not declared"
    return CommandError(Exit.UNREACHABLE, message, "Run `python -m tidegate_chassis.topology declare`.")


@asynccontextmanager
async def open_bus(settings: Settings) -> AsyncIterator[Bus]:
    """Connects, or says why not; reconnects by itself later on."""
    client = Client()
    bus = Bus(client, settings)
    failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def on_error(error: Exception) -> None:
        bus.heard(error)
        if not failed.done() and not client.is_connected:
            failed.set_result(error)

    try:
        await _connect(client, settings, on_error, failed)
        yield bus
    finally:
        if not client.is_closed:
            await client.close()


async def _connect(
    client: Client,
    settings: Settings,
    on_error: Callable[[Exception], Awaitable[None]],
    failed: asyncio.Future[Exception],
) -> None:
    connecting = asyncio.ensure_future(
        client.connect(
            settings.server,
            name="tidegate",
            user=settings.user or None,
            password=settings.password or None,
            inbox_prefix=f"_INBOX_{settings.user}" if settings.user else "_INBOX",
            error_cb=on_error,
            connect_timeout=max(1, int(settings.timeout_s)),
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT_S,
            ping_interval=PING_INTERVAL_S,
            max_outstanding_pings=2,
        )
    )
    either: set[asyncio.Future[Any]] = {connecting, failed}
    await asyncio.wait(either, timeout=settings.timeout_s, return_when=asyncio.FIRST_COMPLETED)
    if connecting.done():
        connecting.result()
        return
    connecting.cancel()
    await asyncio.wait({connecting})
    reason = str(failed.result()) if failed.done() else f"no answer within {settings.timeout_s:g} s"
    if "authorization violation" in reason.lower():
        raise not_permitted(settings.user, "log in with this password")
    raise unreachable(settings.server, reason)

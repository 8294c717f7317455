"""One connection to NATS, and what is known of its health: the border behind which nats-py's errors end.

`broker` makes it around FastStream's broker for a service, `connected` around a bare client for tools, tests and
the deploy job. `pull`, `jetstream` and the publishers speak through it. A client that closes for good sets `closed`,
on which a service ends: it never limps on without its bus.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import nats
import structlog
from nats import errors as nats_errors
from nats.aio.client import Client

from tidegate_chassis.errors import Permanent, Transient
from tidegate_contracts.problem import printable

CONNECT_TIMEOUT_S: Final = 2
RECONNECT_WAIT_S: Final = 0.25
PING_INTERVAL_S: Final = 10
OUTSTANDING_PINGS_MAX: Final = 2
DRAIN_TIMEOUT_S: Final = 5
FLUSH_TIMEOUT_S: Final = 5
PROOF_TIMEOUT_S: Final = 2
FLUSH_QUEUE_MAX: Final = 4096
TOOL_ATTEMPTS_MAX: Final = 3
VIOLATION_SHOWN_S: Final = 60.0
"""A denied subject keeps a service unready for this long: its caller sees only a timeout."""

_log = structlog.get_logger(__name__)


class Connection:
    """A client with its options and what happened to it.

    Args:
        name: Shown in the server's monitoring.
        user: The bus user, whose inbox is the only one that may be subscribed to; empty where the server asks for none.
    """

    def __init__(self, *, name: str, user: str = "") -> None:
        self.name = name
        self.inbox_prefix = f"_INBOX_{user or name}"
        self.closed = asyncio.Event()
        self.denied: tuple[str, float] | None = None
        """The last subject that the server refused us, and when (loop time)."""
        self.denials = 0
        self.refusal: str | None = None
        """What the server said when it would not have the user."""
        self.reconnects = 0
        self._client: Client | None = None
        self._online = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self._stopping = False

    def options(self) -> dict[str, Any]:
        """Every option of a client: nats-py by itself gives up after two minutes and sees a dead peer after four."""
        return {
            "name": self.name,
            "inbox_prefix": self.inbox_prefix,
            "error_cb": self._on_error,
            "disconnected_cb": self._on_disconnected,
            "reconnected_cb": self._on_reconnected,
            "closed_cb": self._on_closed,
            "allow_reconnect": True,
            "max_reconnect_attempts": -1,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "reconnect_time_wait": RECONNECT_WAIT_S,
            "ping_interval": PING_INTERVAL_S,
            "max_outstanding_pings": OUTSTANDING_PINGS_MAX,
            "drain_timeout": DRAIN_TIMEOUT_S,
            "flush_timeout": FLUSH_TIMEOUT_S,
            "flusher_queue_size": FLUSH_QUEUE_MAX,
            # Nothing is buffered while disconnected: a publish that goes out minutes later is a late duplicate.
            "pending_size": 0,
            "no_echo": False,
            "pedantic": False,
            "verbose": False,
        }

    def attach(self, client: Client) -> None:
        self._client = client
        self._online.set()

    @property
    def client(self) -> Client:
        if self._client is None:
            raise Transient("the bus is not connected yet")
        return self._client

    @property
    def is_online(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def online(self, timeout_s: float | None = None) -> None:
        """Waits until there is a server; raises `Transient` after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._online.wait()
        except TimeoutError:
            raise Transient(f"no connection to NATS within {timeout_s:g} s") from None

    async def prove(self) -> None:
        """Connects anew if the server does not even answer a ping: a peer that vanished without a word."""
        if not self.is_online:
            return
        try:
            await self.client.flush(timeout=PROOF_TIMEOUT_S)
        except (nats_errors.Error, TimeoutError) as error:
            _log.warning("the server does not answer, connecting anew", reason=str(error))
            await self.client.force_reconnect()

    def on_reconnected(self, listener: Callable[[], None]) -> None:
        """Calls the listener, at once and without waiting for it, after each reconnection."""
        self._listeners.append(listener)

    def problem(self) -> str | None:
        """What keeps this connection from being of use, for readiness."""
        if not self.is_online:
            return "not connected to NATS"
        if self.denied is not None:
            what, at_s = self.denied
            if asyncio.get_running_loop().time() - at_s < VIOLATION_SHOWN_S:
                return what
        return None

    def stopping(self) -> None:
        """From now on, closing is what is wanted."""
        self._stopping = True

    async def _on_error(self, error: Exception) -> None:
        text = printable(str(error) or type(error).__name__)
        if "permissions violation" in text.lower():
            self.denials += 1
            self.denied = (text, asyncio.get_running_loop().time())
            _log.error("the bus denied a subject", reason=text)
        elif "authorization" in text.lower():
            _log.error("NATS refuses the user", reason=text)
            self.refusal = text
            if self._client is not None:
                # FastStream raises this on, which ends the client's reconnecting: it would wait for ever.
                self.closed.set()
        elif isinstance(error, nats_errors.Error | OSError | asyncio.TimeoutError):
            _log.warning("the bus reports an error", reason=text)
        else:
            _log.error("a subscription's callback failed", exc_info=error)

    async def _on_disconnected(self) -> None:
        self._online.clear()
        if not self._stopping:
            _log.warning("disconnected from NATS")

    async def _on_reconnected(self) -> None:
        self.reconnects += 1
        self._online.set()
        _log.info("reconnected to NATS", reconnects=self.reconnects)
        for listener in self._listeners:
            listener()

    async def _on_closed(self) -> None:
        self._online.clear()
        self.closed.set()
        if not self._stopping:
            _log.error("the connection to NATS is closed for good")


@asynccontextmanager
async def connected(
    url: str, *, name: str, user: str = "", password: str = "", attempts_max: int = TOOL_ATTEMPTS_MAX
) -> AsyncIterator[Connection]:
    """For a tool or a test: gives up soon when there is no server, and reconnects for ever once it was there.

    Raises:
        Transient: no server answers.
        Permanent: the server refuses the user.
    """
    connection = Connection(name=name, user=user)
    credentials = {"user": user, "password": password} if user else {}
    try:
        client = await nats.connect(
            servers=url.split(","), **credentials, **connection.options() | {"max_reconnect_attempts": attempts_max}
        )
    except (nats_errors.Error, OSError, TimeoutError) as error:
        raise _refusal(url, connection.refusal or str(error)) from error
    client.options["max_reconnect_attempts"] = -1
    connection.attach(client)
    try:
        yield connection
    finally:
        connection.stopping()
        await client.close()


def _refusal(url: str, why: str) -> Exception:
    host = urlsplit(url).netloc.rpartition("@")[2] or url
    if "authorization" in why.lower():
        remedy = "Check the user and its password."
        return Permanent(f"NATS at {host} refuses the user", code="unauthorized", field="user", remedy=remedy)
    return Transient(f"NATS at {host} can't be reached: {why}")

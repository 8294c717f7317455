"""HTTP to the API server: one session, explicit time limits, foreign errors translated at this border.

`client` builds requests and interprets answers; only this module knows aiohttp. The rule for a failed connection: a
read, and a write whose request never left, may be repeated (`Transient`); a write that may have been received is an
`UnknownOutcome`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from yarl import URL

from tidegate_chassis.errors import OperatingError, Transient, UnknownOutcome
from tidegate_chassis.kubernetes import metrics
from tidegate_chassis.kubernetes.connection import Connection
from tidegate_chassis.kubernetes.status import Attempt

__all__ = ["JSON", "Answer", "Limits", "Request", "Transport"]

JSON = "application/json"
READ_BUFFER_BYTES = 256 * 1024
UNAUTHENTICATED = 401
CLOSING_ROUNDS = 4


class Limits(msgspec.Struct, frozen=True):
    """How much one process asks of an API server at once, and how long it waits.

    Args:
        concurrent_requests_max: Requests in flight, watches apart.
        connect_timeout_s: Until a connection stands, TLS included.
        request_timeout_s: Until the whole answer is there.
        keep_alive_s: How long an idle connection is kept.
    """

    concurrent_requests_max: int = 32
    connect_timeout_s: float = 3.0
    request_timeout_s: float = 10.0
    keep_alive_s: float = 60.0


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, ready to send."""

    method: str
    path: str
    attempt: Attempt
    query: Mapping[str, str] = {}
    body: bytes | None = None
    content_type: str = JSON
    timeout_s: float | None = None


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever its status."""

    status: int
    body: bytes
    retry_after: str | None


class Transport:
    """A session with one API server; made inside a running event loop, closed by its owner."""

    def __init__(self, connection: Connection, *, user_agent: str, limits: Limits) -> None:
        self.limits = limits
        self._connection = connection
        self._slots = asyncio.Semaphore(limits.concurrent_requests_max)
        self._connector = aiohttp.TCPConnector(
            limit=0,  # the semaphore limits requests; watches must not wait behind them
            ssl=connection.ssl_context or False,
            keepalive_timeout=limits.keep_alive_s,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            # Compressing costs the API server more than the bytes cost a cluster's network.
            headers={"User-Agent": user_agent, "Accept": JSON, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
            read_bufsize=READ_BUFFER_BYTES,
        )

    async def close(self) -> None:
        await self._connector.close(abort_ssl=True)  # a frozen server never answers TLS' goodbye
        await self._session.close()
        for _ in range(CLOSING_ROUNDS):
            await asyncio.sleep(0)  # closed transports are let go of by callbacks

    async def send(self, request: Request) -> Answer:
        """Send once (twice where the credentials had just been rotated) and read the whole answer."""
        timeout_s = request.timeout_s or self.limits.request_timeout_s
        time_limits = aiohttp.ClientTimeout(
            total=timeout_s, connect=None, sock_connect=self.limits.connect_timeout_s, sock_read=None
        )
        async with self._slots:
            started_at_s, status = time.monotonic(), "none"
            try:
                async with self._open(request, time_limits) as response:
                    with _translated(request.attempt):
                        body = await response.read()
                    status = str(response.status)
                    return Answer(response.status, body, response.headers.get("Retry-After"))
            finally:
                taken_s = time.monotonic() - started_at_s
                metrics.REQUEST_SECONDS.labels(request.attempt.verb, request.attempt.resource, status).observe(taken_s)

    @asynccontextmanager
    async def stream(self, request: Request, *, idle_timeout_s: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open an answer that goes on; reading raises TimeoutError after `idle_timeout_s` without a byte."""
        time_limits = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=self.limits.connect_timeout_s, sock_read=idle_timeout_s
        )
        async with self._open(request, time_limits) as response:
            yield response

    @asynccontextmanager
    async def _open(
        self, request: Request, time_limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        authorization = await self._connection.authorization()
        response = await self._request(request, time_limits, authorization)
        try:
            if response.status == UNAUTHENTICATED and await self._connection.renew(authorization):
                response.release()
                response = await self._request(request, time_limits, await self._connection.authorization())
            yield response
        finally:
            _let_go(response)

    async def _request(
        self, request: Request, time_limits: aiohttp.ClientTimeout, authorization: str | None
    ) -> aiohttp.ClientResponse:
        headers = {"Content-Type": request.content_type} if request.body is not None else {}
        if authorization:
            headers["Authorization"] = authorization
        with _translated(request.attempt):
            return await self._session.request(
                request.method,
                URL(self._connection.server + request.path, encoded=True).update_query(request.query),
                data=request.body,
                headers=headers,
                timeout=time_limits,
                allow_redirects=False,
                proxy=self._connection.proxy,
                server_hostname=self._connection.server_hostname,
            )


def _let_go(response: aiohttp.ClientResponse) -> None:
    """Give the connection back, or cut it where the answer was not read to its end."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()  # a polite close would wait for a server that may be frozen
    response.release()


class _translated:  # noqa: N801 - reads as a word at its place of use
    """Turns aiohttp's errors into ours; a class rather than a generator, since every request passes twice."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError)):
            raise translate(self._attempt, error) from error


def translate(attempt: Attempt, error: BaseException) -> OperatingError:
    """What a failed exchange means: could the server have acted on it?"""
    words = str(error) or type(error).__name__
    never_sent = isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))
    if attempt.is_write and not never_sent:
        return UnknownOutcome(f"{attempt}: no answer ({words})")
    return Transient(f"{attempt}: the API server can't be reached ({words})")

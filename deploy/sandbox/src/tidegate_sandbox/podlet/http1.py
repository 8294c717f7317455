"""A lean HTTP/1.1 server: keep-alive, bodies, expect-continue, polite endings, and nothing else.

Twenty pods at some hundred requests a second share one process and half a core with everything else, which a
framework's server does not leave. `site` answers for pods, `telemetry` for the podlet itself.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

HEAD_BYTES_MAX: Final = 65_536
BODY_BYTES_MAX: Final = 1_048_576
LISTEN_BACKLOG: Final = 1_024
LAST_CHUNK: Final = b"0\r\n"


class Answer(NamedTuple):
    """Head without its `connection` line and its end; `delay_s` passes before it is sent."""

    code: int
    head: bytes
    body: bytes
    delay_s: float = 0.0


class Site(Protocol):
    """Who answers."""

    def answer(self, method: str, path: str) -> Answer: ...

    def answered(self, answer: Answer, duration_s: float) -> None: ...


ECHO_PATH: Final = "/headers"
"""Answered with the request's own head as well: what a proxy has made of it."""


class Request(NamedTuple):
    method: str
    path: str
    keep_alive: bool
    end: int
    """Where the next request begins in the buffer."""


class Incomplete(NamedTuple):
    """More bytes are needed; `expects_continue` when the client waits for our word before it sends them."""

    expects_continue: bool = False


class BadRequestError(ValueError):
    """Bytes that are no request we serve, with the answer's code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def parse_request(buffer: bytes) -> Request | Incomplete:
    """The first request in the buffer."""
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0:
        if len(buffer) > HEAD_BYTES_MAX:
            raise BadRequestError(431, "the head is too large")
        return Incomplete()
    line, _, headers = buffer[:head_end].partition(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1.") or not words[1]:  # noqa: PLR2004  method, target, version
        raise BadRequestError(400, "no HTTP/1 request line")
    fields = b"\r\n" + headers.lower() + b"\r\n"
    connection = _field(fields, b"connection")
    keep_alive = b"close" not in connection and (words[2] != b"HTTP/1.0" or b"keep-alive" in connection)
    end = _body_end(buffer, head_end + 4, fields)
    if end is None:
        return Incomplete(expects_continue=_field(fields, b"expect") == b"100-continue")
    return Request(words[0].decode("latin-1"), words[1].decode("latin-1"), keep_alive, end)


def _field(fields: bytes, name: bytes) -> bytes:
    start = fields.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    value = start + len(name) + 3
    return fields[value : fields.index(b"\r\n", value)].strip()


def _body_end(buffer: bytes, start: int, fields: bytes) -> int | None:
    if b"chunked" in _field(fields, b"transfer-encoding"):
        return _chunked_end(buffer, start)
    length = _field(fields, b"content-length")
    if not length:
        return start
    if not length.isdigit():
        raise BadRequestError(400, "content-length is no number")
    if int(length) > BODY_BYTES_MAX:
        raise BadRequestError(413, "the body is too large")
    end = start + int(length)
    return end if len(buffer) >= end else None


def _chunked_end(buffer: bytes, start: int) -> int | None:
    while True:
        line_end = buffer.find(b"\r\n", start)
        if line_end < 0:
            return None
        try:
            size = int(buffer[start:line_end].partition(b";")[0], 16)
        except ValueError:
            raise BadRequestError(400, "no chunk size") from None
        if size < 0 or line_end + size - start > BODY_BYTES_MAX:
            raise BadRequestError(413, "the body is too large")
        if size == 0:
            trailers_end = buffer.find(b"\r\n\r\n", line_end)
            return None if trailers_end < 0 else trailers_end + 4
        start = line_end + 2 + size + 2
        if start > len(buffer):
            return None


class Connection(asyncio.Protocol):
    """One client's connection; requests on it are answered one after the other."""

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._buffer = b""
        self._asked_to_continue = False
        self.busy = False
        self._last_request = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # A client that goes away is its own affair.
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self.busy:
            self._serve()

    def _serve(self) -> None:
        while self._buffer and not self.busy and not self._last_request:
            try:
                request = parse_request(self._buffer)
            except BadRequestError as error:
                self._refuse(error)
                return
            if isinstance(request, Incomplete):
                if request.expects_continue and not self._asked_to_continue:
                    self._asked_to_continue = True
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            sent, self._buffer = self._buffer[: request.end], self._buffer[request.end :]
            self._asked_to_continue = False
            self._respond(request, sent)

    def _respond(self, request: Request, sent: bytes) -> None:
        began_s = time.perf_counter()
        answer = self._server.site.answer(request.method, request.path)
        if request.path == ECHO_PATH:
            answer = answer._replace(body=answer.body + sent.partition(b"\r\n\r\n")[0] + b"\n")
        if answer.delay_s > 0:
            self.busy = True
            self._server.loop.call_later(answer.delay_s, self._send_late, request, answer, began_s)
        else:
            self._send(request, answer, began_s)

    def _send_late(self, request: Request, answer: Answer, began_s: float) -> None:
        self.busy = False
        if self.transport.is_closing():
            return
        self._send(request, answer, began_s)
        self._serve()

    def _send(self, request: Request, answer: Answer, began_s: float) -> None:
        keep_alive = request.keep_alive and not self._server.draining
        body = b"" if request.method == "HEAD" else answer.body
        self.transport.write(
            b"%bcontent-length: %d\r\n%b\r\n%b"
            % (answer.head, len(answer.body), b"" if keep_alive else b"connection: close\r\n", body)
        )
        self._server.site.answered(answer, time.perf_counter() - began_s)
        if not keep_alive:
            self._last_request = True
            self.transport.close()

    def _refuse(self, error: BadRequestError) -> None:
        self._last_request = True
        text = f"{error}\n".encode()
        head = b"HTTP/1.1 %d Refused\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (error.code, len(text))
        self.transport.write(head + text)
        self.transport.close()


class HttpServer:
    """One site on one address and some ports."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.draining = False
        self.ports: tuple[int, ...] = ()
        self._listeners: list[asyncio.Server] = []
        self._emptied = asyncio.Event()

    async def open(self, address: str, ports: Iterable[int]) -> None:
        """Listen on every port, or on none: then the error says why."""
        try:
            for port in ports:
                listener = _listening_socket(address, port)
                self.ports = (*self.ports, listener.getsockname()[1])
                self._listeners.append(
                    await self.loop.create_server(lambda: Connection(self), sock=listener, backlog=LISTEN_BACKLOG)
                )
        except OSError:
            self.abort()
            raise

    def drain(self) -> None:
        """From now on each answer is the last one of its connection."""
        self.draining = True

    async def stop(self, timeout_s: float) -> None:
        """Take no new connection, close the idle ones, let the busy ones finish within the timeout."""
        self.drain()
        self._close_listeners()
        for connection in tuple(self.connections):
            if not connection.busy:
                connection.transport.close()
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                while self.connections:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """End as a killed process does: clients see a reset."""
        self._close_listeners()
        for connection in tuple(self.connections):
            _reset_on_close(connection.transport)
            connection.transport.abort()

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()


def _listening_socket(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    return listener


def _reset_on_close(transport: asyncio.Transport) -> None:
    connected = transport.get_extra_info("socket")
    if connected is not None and not transport.is_closing():
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

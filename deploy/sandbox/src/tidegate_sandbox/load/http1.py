"""HTTP/1.1: a connection that carries one request at a time, and says how each ended.

`run` makes it where the plan asks for no other version; `response` reads what comes back.
"""

import asyncio

from tidegate_sandbox.load.exchange import Owner, Request, Target
from tidegate_sandbox.load.response import MalformedResponseError, Response, parse_response


class Http1Connection(asyncio.Protocol):
    def __init__(self, owner: Owner, target: Target) -> None:
        self._owner = owner
        self._head = f"GET {target.path} HTTP/1.1\r\nhost: {target.host}\r\n".encode()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._failure = "reset"
        self._request: Request | None = None
        self._retired = False
        self.requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and not self._retired

    def has_room(self) -> bool:
        return self._request is None and self.usable()

    def send(self, request: Request, *, last: bool) -> None:
        assert self._request is None
        assert self._transport is not None
        self._request = request
        self.requests += 1
        self._transport.write(self._head + (b"connection: close\r\n\r\n" if last else b"\r\n"))

    def give_up(self, request: Request, kind: str) -> None:
        assert request is self._request
        self._fail(kind)

    def retire(self) -> None:
        self._retired = True
        if self._request is None and self._transport is not None:
            self._transport.close()

    def _fail(self, kind: str) -> None:
        self._failure = kind
        assert self._transport is not None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._request is None:
            # An answer nobody asked for: a proxy that says why it closes.
            self.retire()
            return
        try:
            response = parse_response(self._buffer)
        except MalformedResponseError:
            self._fail("malformed")
            return
        if response is not None and response.end is not None:
            self._buffer = self._buffer[response.end :]
            self._answered(response)

    def _answered(self, response: Response) -> None:
        request, self._request = self._request, None
        assert request is not None
        if self._retired or not response.keep_alive:
            self.retire()
        self._owner.answered(request, response.status, response.version)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # Every way to lose it is a reset to the user.
        request = self._request
        response = self._ended_by_close() if request is not None else None
        if response is not None:
            self._answered(response)
        elif request is not None:
            self._request = None
            self._owner.failed(request, self._failure)
        self._owner.gone(self)

    def _ended_by_close(self) -> Response | None:
        if self._failure != "reset":
            return None
        response = parse_response(self._buffer) if self._buffer else None
        return response if response is not None and response.end is None else None

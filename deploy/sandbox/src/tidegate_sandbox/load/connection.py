"""One client connection that carries one request at a time, and says how each ended.

`run` owns the pool and is told through `Owner`; nothing is ever sent twice.
"""

import asyncio
from typing import Protocol

from tidegate_sandbox.load.response import MalformedResponseError, Response, parse_response


class Owner(Protocol):
    """Who is told what became of the request."""

    def answered(self, connection: "LoadConnection", response: Response) -> None: ...

    def failed(self, connection: "LoadConnection", kind: str) -> None: ...

    def idle_closed(self, connection: "LoadConnection") -> None: ...


class LoadConnection(asyncio.Protocol):
    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._failure = "reset"
        self.due_s: float | None = None
        """When the request it carries was due; None between requests."""
        self.requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due_s: float) -> None:
        assert self.due_s is None
        assert self._transport is not None
        self.due_s = due_s
        self.requests += 1
        self._transport.write(request)

    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def fail(self, kind: str) -> None:
        """Give the request up."""
        self._failure = kind
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self.due_s is None:
            # An answer nobody asked for: a proxy that says why it closes.
            self.close()
            return
        try:
            response = parse_response(self._buffer)
        except MalformedResponseError:
            self.fail("malformed")
            return
        if response is not None and response.end is not None:
            self._buffer = self._buffer[response.end :]
            self._owner.answered(self, response)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # Every way to lose it is a reset to the user.
        if self.due_s is None:
            self._owner.idle_closed(self)
            return
        response = self._ended_by_close()
        if response is None:
            self._owner.failed(self, self._failure)
        else:
            self._owner.answered(self, response)

    def _ended_by_close(self) -> Response | None:
        if self._failure != "reset":
            return None
        response = parse_response(self._buffer) if self._buffer else None
        return response if response is not None and response.end is None else None

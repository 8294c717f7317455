"""What a service serves over HTTP: the health page and, over TLS, webhooks, both by uvicorn beside everything else.

Used by `service`, `webhooks` and whatever else a service serves, each with its ASGI application. Signals are left to
`service`, which stops the workers first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STOP_TIMEOUT_S: Final = 2
BODY_TIMEOUT_S: Final = 10.0


class Refused(Exception):  # noqa: N818 - an end of the call, most often the caller's mistake
    """A request that is answered with this status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Server(uvicorn.Server):
    """Args:
    application: Answers `http` scopes.
    host: Where to listen.
    port: Where to listen.
    options: More of uvicorn's own.
    """

    def __init__(self, application: Application, host: str, port: int, **options: Any) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                interface="asgi3",  # a bound method is taken for an older kind otherwise
                http="httptools",  # the one in pure Python takes a third of a webhook's whole time
                lifespan="off",
                ws="none",
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=STOP_TIMEOUT_S,
                **options,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def read_body(receive: Receive, bytes_max: int) -> bytes:
    """The whole of it.

    Raises:
        Refused: it is too large or too slow, or its sender went away.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refused(400, "the caller went away")
                body += message.get("body", b"")
                if len(body) > bytes_max:
                    raise Refused(413, f"a body has at most {bytes_max} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise Refused(408, f"the body was not complete within {BODY_TIMEOUT_S:g} s") from error


async def respond(send: Send, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""What a service serves over HTTP: the health page and, over TLS, webhooks, both by uvicorn beside everything else.

Used by `service` and `webhooks`, which bring their ASGI application. Signals are left to `service`, which stops the
workers first.
"""

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STOP_TIMEOUT_S: Final = 2


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


async def respond(send: Send, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

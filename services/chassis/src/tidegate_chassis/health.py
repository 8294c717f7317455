"""Whether this process lives, whether it can work, and its numbers: `/livez`, `/readyz`, `/metrics`.

Made by `service`, which serves `application` beside the bus; every part registers what it needs to be ready, and what
else it answers on the same port. A process that answers at all is alive: its event loop turns. Readiness says in words
what is missing.
"""

from collections.abc import Callable
from typing import Final

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tidegate_chassis.http import Application, Receive, Scope, Send, respond

Probe = Callable[[], str | None]

OWN_PATHS: Final = ("/livez", "/readyz", "/metrics")
_PLAIN: Final = "text/plain; charset=utf-8"


class Health:
    def __init__(self) -> None:
        self._probes: dict[str, Probe] = {}
        self._served: dict[str, Application] = {}

    def serve(self, path: str, application: Application) -> None:
        """What a service answers beside its health; the application gets every request to the path."""
        if path in (*OWN_PATHS, *self._served):
            raise ValueError(f"{path} is served already")
        self._served[path] = application

    def check(self, name: str, probe: Probe) -> None:
        """`probe` answers None when all is well, and otherwise a sentence that says what is not."""
        if name in self._probes:
            raise ValueError(f"there is a health check {name!r} already")
        self._probes[name] = probe

    def problems(self) -> dict[str, str]:
        """What keeps the service from working now; empty when it is ready."""
        found: dict[str, str] = {}
        for name, probe in self._probes.items():
            problem = probe()
            if problem is not None:
                found[name] = problem
        return found

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and (served := self._served.get(scope["path"])) is not None:
            await served(scope, receive, send)
        elif scope["type"] == "http":
            status, body, content_type = self._answer(scope["method"], scope["path"])
            await respond(send, status, body, content_type)

    def _answer(self, method: str, path: str) -> tuple[int, bytes, str]:
        if method not in ("GET", "HEAD"):
            return 405, b"only GET\n", _PLAIN
        if path == "/livez":
            return 200, b"alive\n", _PLAIN
        if path == "/metrics":
            return 200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST
        if path == "/readyz":
            problems = self.problems()
            text = "".join(f"{name}: {problem}\n" for name, problem in problems.items()) or "ready\n"
            return (503 if problems else 200), text.encode(), _PLAIN
        return 404, b"there are /livez, /readyz and /metrics\n", _PLAIN


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

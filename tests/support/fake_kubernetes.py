"""A scripted API server on loopback: real HTTP, one collection, and every fault on command.

It answers lists, watches, reads and writes of ConfigMaps in namespace `shop` well enough for the client and the
reflector; what it does wrong, it does because a test said so. The real API server is met in tests/integration.
"""

import asyncio
import json
from collections import deque
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

COLLECTION = "/api/v1/namespaces/shop/configmaps"
ALL = "/api/v1/configmaps"


def status_body(code: int, reason: str, message: str = "", **details: Any) -> dict[str, Any]:
    """A Status object as the API server sends it."""
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


def write_kubeconfig(path: Path, server: str, user: dict[str, object], cluster: dict[str, object] | None = None) -> str:
    """A kubeconfig with one context; JSON is YAML."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server} | (cluster or {})}],
        "users": [{"name": "it", "user": user}],
    }
    path.write_text(json.dumps(config))
    return str(path)


class FakeApiServer:
    """Holds the objects; `answers` are given instead of the right ones, in order, to whatever isn't a watch."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.version = 100
        self.oldest_version = 0
        self.page_items_max = 0
        self.answers: deque[web.Response | float] = deque()
        self.requests: list[web.Request] = []
        self.bodies: list[Any] = []
        self.watches: list[asyncio.Queue[dict[str, Any] | None]] = []
        self.watches_opened = 0
        self.refuses_watches = False
        self.is_frozen = False
        self.in_flight = 0
        self.in_flight_max = 0
        self.url = ""
        self._history: list[tuple[int, dict[str, Any]]] = []
        self._streams: list[web.Request] = []

    def put(self, name: str, *, lost: bool = False, **fields: Any) -> None:
        """Create or change an object; a lost change never reaches a watch."""
        self.version += 1
        kind = "MODIFIED" if name in self.objects else "ADDED"
        uid = fields.pop("uid", f"uid-{name}")
        metadata = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": str(self.version)}
        self.objects[name] = {"metadata": metadata} | fields
        self._emit({"type": kind, "object": self.objects[name]}, lost=lost)

    def remove(self, name: str, *, lost: bool = False) -> None:
        self.version += 1
        gone = self.objects.pop(name)
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._emit({"type": "DELETED", "object": gone}, lost=lost)

    def bookmark(self) -> None:
        self._emit({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version)}}}, lost=False)

    def expire(self) -> None:
        """Forget the past: watches from an older version are refused with 410."""
        self.version += 1
        self.oldest_version = self.version

    def end_watches(self) -> None:
        """End every watch in the ordinary way."""
        for queue in self.watches:
            queue.put_nowait(None)

    def drop_connections(self) -> None:
        """Cut every watch's TCP connection."""
        for request in self._streams:
            if request.transport is not None:
                request.transport.abort()

    def watch_error(self, code: int, reason: str) -> None:
        """Send an ERROR frame to every watch."""
        for queue in self.watches:
            queue.put_nowait({"type": "ERROR", "object": status_body(code, reason)})

    def _emit(self, event: dict[str, Any], *, lost: bool) -> None:
        event = json.loads(json.dumps(event))
        if lost:
            return
        self._history.append((self.version, event))
        for queue in self.watches:
            queue.put_nowait(event)

    @asynccontextmanager
    async def serving(self):  # noqa: ANN201
        """Serve on a free loopback port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self.drop_connections()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._watch(request)
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        try:
            return await self._answer(request)
        finally:
            self.in_flight -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.json() if request.can_read_body else None)
        if self.answers:
            scripted = self.answers.popleft()
            if not isinstance(scripted, float):
                return scripted
            await asyncio.sleep(scripted)
        if request.path in {COLLECTION, ALL}:
            return self._list(request)
        return self._one(request)

    def _list(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            body = self.bodies[-1]
            self.put(body["metadata"]["name"])
            return web.json_response(self.objects[body["metadata"]["name"]], status=201)
        start = int(request.query.get("continue", 0))
        limit = self.page_items_max if "limit" in request.query and self.page_items_max else len(self.objects)
        items = [*self.objects.values()]
        token = str(start + limit) if start + limit < len(items) else ""
        metadata = {"resourceVersion": str(self.version), "continue": token}
        return web.json_response({"metadata": metadata, "items": items[start : start + limit] or None})

    def _one(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        if not request.path.startswith(COLLECTION):
            return web.Response(status=404, text="404 page not found\n")
        if name not in self.objects:
            return web.json_response(status_body(404, "NotFound", name=name, kind="configmaps"), status=404)
        if request.method == "PATCH":
            self.put(name, **{k: v for k, v in self.bodies[-1].items() if k != "metadata"})
        found = self.objects[name]
        if request.method == "DELETE":
            self.remove(name)
        return web.json_response(found)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches_opened += 1
        since = int(request.query["resourceVersion"])
        if self.refuses_watches:
            return web.json_response(status_body(503, "ServiceUnavailable"), status=503)
        if since < self.oldest_version:
            return web.json_response(status_body(410, "Expired", "too old resource version"), status=410)
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        for version, event in self._history:
            if version > since:
                queue.put_nowait(event)
        self.watches.append(queue)
        self._streams.append(request)
        try:
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                while (event := await queue.get()) is not None:
                    while self.is_frozen:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                    await response.write(json.dumps(event).encode() + b"\n")
        except TimeoutError:
            pass  # the server's own time limit: an ordinary end
        finally:
            self.watches.remove(queue)
            self._streams.remove(request)
        return response

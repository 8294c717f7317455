"""All pods, as they are now and as they change: list, then watch, then list again when the watch can't go on.

`app` runs `Watch.run`; each change is handed to the registry, and so is every pod that a new list no longer has.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import msgspec

from tidegate_sandbox.podlet.api import Api, RefusedError, UnreachableError
from tidegate_sandbox.podlet.pods import Pod
from tidegate_sandbox.podlet.telemetry import Telemetry

PODS_PATH: Final = "/api/v1/pods"
TOO_MANY_REQUESTS: Final = 429
RELIST_AFTER_S: Final = 600.0
"""A watch can lose an event: a list this often finds what it lost."""
WATCH_SECONDS: Final = (240, 300)
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 2.0
LINE_BYTES_MAX: Final = 16 * 1_048_576

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Who is told about pods."""

    def pod_seen(self, pod: Pod) -> None: ...

    def pod_gone(self, uid: str) -> None: ...

    def known_uids(self) -> frozenset[str]: ...


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _PodList(msgspec.Struct):
    metadata: _ListMetadata
    items: list[Pod] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Bookmark(msgspec.Struct):
    metadata: _ListMetadata


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


_EVENT = msgspec.json.Decoder(_Event)
_POD = msgspec.json.Decoder(Pod)
_FAILURE = msgspec.json.Decoder(_Failure)
_LIST = msgspec.json.Decoder(_PodList)
_BOOKMARK = msgspec.json.Decoder(_Bookmark)


class Watch:
    def __init__(self, api: Api, sink: Sink, telemetry: Telemetry, synced: Callable[[], None]) -> None:
        self._api = api
        self._sink = sink
        self._telemetry = telemetry
        self._synced = synced
        self._resource_version = ""
        self._listed_at_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        retry_s = RETRY_FIRST_S
        while True:
            try:
                if not self._resource_version or time.monotonic() > self._listed_at_s + RELIST_AFTER_S:
                    await self._list()
                    self._synced()
                await self._follow()
                retry_s = RETRY_FIRST_S
            except (UnreachableError, RefusedError) as error:
                # 410 above all: our version is too old. After any other no, a list is safe too.
                if isinstance(error, RefusedError) and error.code != TOO_MANY_REQUESTS:
                    self._resource_version = ""
                log.warning("the pod watch ended and starts again: %s", error)
                await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter, no secret
                retry_s = min(RETRY_MAX_S, retry_s * 2)

    async def _list(self) -> None:
        self._telemetry.lists.inc()
        listed = _LIST.decode(await self._api.get(PODS_PATH))
        pods = listed.items or []
        for uid in self._sink.known_uids() - {pod.metadata.uid for pod in pods}:
            self._sink.pod_gone(uid)
        for pod in pods:
            self._sink.pod_seen(pod)
        self._resource_version = listed.metadata.resource_version
        self._listed_at_s = time.monotonic()

    async def _follow(self) -> None:
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._resource_version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),  # noqa: S311  spread, no secret
        }
        async with self._api.stream(PODS_PATH, parameters) as chunks:
            async for line in lines(chunks):
                self._handle(_EVENT.decode(line))

    def _handle(self, event: _Event) -> None:
        self._telemetry.watch_events.labels(event.type).inc()
        match event.type:
            case "ADDED" | "MODIFIED" | "DELETED":
                pod = _POD.decode(event.object)
                self._resource_version = pod.metadata.resource_version
                if event.type == "DELETED":
                    self._sink.pod_gone(pod.metadata.uid)
                else:
                    self._sink.pod_seen(pod)
            case "BOOKMARK":
                self._resource_version = _BOOKMARK.decode(event.object).metadata.resource_version
            case _:
                failure = _FAILURE.decode(event.object)
                raise RefusedError(failure.code, failure.message)


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines out of chunks that end anywhere."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            parts.append(line)
            joined = b"".join(parts)
            parts, size = [], 0
            if joined:
                yield joined
        size += len(rest)
        if size > LINE_BYTES_MAX:
            raise UnreachableError(f"a watch line of more than {LINE_BYTES_MAX} bytes")
        if rest:
            parts.append(rest)

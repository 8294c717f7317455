"""All objects of a kind, as they are and as they change: list, then watch, and list again when a watch can't go on.

`app` runs one `Watch` for pods and one for nodes; each change is handed to a sink (the registry, the node keeper),
and so is every object that a new list no longer has.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from tidegate_sandbox.podlet.api import Api, RefusedError, UnreachableError
from tidegate_sandbox.podlet.pods import Metadata
from tidegate_sandbox.podlet.telemetry import Telemetry

TOO_MANY_REQUESTS: Final = 429
RELIST_AFTER_S: Final = 600.0
"""A watch can lose an event: a list this often finds what it lost."""
WATCH_SECONDS: Final = (240, 300)
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 2.0
LINE_BYTES_MAX: Final = 16 * 1_048_576

log = logging.getLogger(__name__)


class Watched(Protocol):
    """An object of the API server, of whatever kind."""

    @property
    def metadata(self) -> Metadata: ...


Kind = TypeVar("Kind", bound=Watched)
Told_contra = TypeVar("Told_contra", bound=Watched, contravariant=True)


class Sink(Protocol[Told_contra]):
    """Who is told."""

    def seen(self, found: Told_contra, /) -> None: ...

    def gone(self, uid: str) -> None: ...

    def known_uids(self) -> frozenset[str]: ...


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _List(msgspec.Struct):
    metadata: _ListMetadata
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Bookmark(msgspec.Struct):
    metadata: _ListMetadata


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


_EVENT = msgspec.json.Decoder(_Event)
_FAILURE = msgspec.json.Decoder(_Failure)
_LIST = msgspec.json.Decoder(_List)
_BOOKMARK = msgspec.json.Decoder(_Bookmark)


class Watch(Generic[Kind]):
    """Args:
    path: of the whole collection.
    kind: what its objects are decoded to.
    synced: called after each list.
    """

    def __init__(
        self,
        api: Api,
        path: str,
        kind: type[Kind],
        sink: Sink[Kind],
        *,
        telemetry: Telemetry,
        synced: Callable[[], None] | None = None,
    ) -> None:
        self._api = api
        self._path = path
        self._decoder = msgspec.json.Decoder(kind)
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
                    if self._synced is not None:
                        self._synced()
                await self._follow()
                retry_s = RETRY_FIRST_S
            except (UnreachableError, RefusedError) as error:
                # 410 above all: our version is too old. After any other no, a list is safe too.
                if isinstance(error, RefusedError) and error.code != TOO_MANY_REQUESTS:
                    self._resource_version = ""
                log.warning("the watch of %s ended and starts again: %s", self._path, error)
                await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter, no secret
                retry_s = min(RETRY_MAX_S, retry_s * 2)

    async def _list(self) -> None:
        self._telemetry.lists.inc()
        listed = _LIST.decode(await self._api.get(self._path))
        found = [self._decoder.decode(item) for item in listed.items or ()]
        for uid in self._sink.known_uids() - {one.metadata.uid for one in found}:
            self._sink.gone(uid)
        for one in found:
            self._sink.seen(one)
        self._resource_version = listed.metadata.resource_version
        self._listed_at_s = time.monotonic()

    async def _follow(self) -> None:
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._resource_version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),  # noqa: S311  spread, no secret
        }
        async with self._api.stream(self._path, parameters) as chunks:
            async for line in lines(chunks):
                self._handle(_EVENT.decode(line))

    def _handle(self, event: _Event) -> None:
        self._telemetry.watch_events.labels(event.type).inc()
        match event.type:
            case "ADDED" | "MODIFIED" | "DELETED":
                found = self._decoder.decode(event.object)
                self._resource_version = found.metadata.resource_version
                if event.type == "DELETED":
                    self._sink.gone(found.metadata.uid)
                else:
                    self._sink.seen(found)
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

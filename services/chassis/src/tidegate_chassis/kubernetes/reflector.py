"""Keeps a Store equal to what the API server holds of one kind, and tells handlers of every change.

A service starts one reflector per kind and shares it among all the orders it holds. It lists, then watches from the
list's version with bookmarks; it lists again when that version has expired (410), and now and then for good measure,
since etcd has lost watch events before. What vanished while nobody watched is told as a deletion. A stream that stays
silent is taken for dead. Handlers only wake whoever holds an order.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec
import structlog

from tidegate_chassis.errors import OperatingError, Permanent, Transient
from tidegate_chassis.kubernetes import metrics
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject, WatchEvent, decode
from tidegate_chassis.kubernetes.outage import Outage
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.kubernetes.retry import Backoff
from tidegate_chassis.kubernetes.status import Expired
from tidegate_chassis.kubernetes.store import Change, IndexFunction, Key, Store

__all__ = ["Handler", "Reflector", "ReflectorLimits"]

T = TypeVar("T", bound=KubernetesObject)
Handler = Callable[[T | None, T | None], None]

log = structlog.get_logger(__name__)


class ReflectorLimits(msgspec.Struct, frozen=True):
    """How long a reflector trusts what it has.

    Args:
        resync_s: Until everything is listed again and compared.
        watch_s: Until the server ends a watch in the ordinary way; spread by a tenth.
        idle_timeout_s: Silence after which a watch is dead; bookmarks come about once a minute.
        watch_s_min: A watch that ends sooner counts as failed, so that it can't become a busy loop.
        backoff: Between failures.
        asked_s_max: The longest wait that a server may ask for; one that has just started asks for too much.
    """

    resync_s: float = 600.0
    watch_s: float = 270.0
    idle_timeout_s: float = 75.0
    watch_s_min: float = 1.0
    backoff: Backoff = Backoff(first_s=0.2, max_s=5.0)
    asked_s_max: float = 2.0


class Reflector(Generic[T]):
    """One kind, everywhere or in one namespace.

    Args:
        client: How to reach the API server.
        resource: What to watch.
        item_type: A Struct with the few fields that are used.
        namespace: None for all that we may see.
        label_selector: Which objects; what stops matching is told as a deletion.
        field_selector: Same.
        indexes: By name, under which values an object is to be found by `store.by_index`.
        limits: How long to trust what we have.
    """

    def __init__(
        self,
        client: KubernetesClient,
        resource: Resource,
        item_type: type[T],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        indexes: Mapping[str, IndexFunction[T]] | None = None,
        limits: ReflectorLimits | None = None,
    ) -> None:
        self.store: Store[T] = Store(indexes)
        self.resource = resource
        self.problem: OperatingError | None = None  # why the server can't be followed just now
        self.outage = Outage()
        self.unreadable: dict[Key, str] = {}  # objects of a shape that we don't know, and why; kept as last readable
        self._client = client
        self._item_type = item_type
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._limits = limits or ReflectorLimits()
        self._handlers: list[Handler[T]] = []
        self._synced = asyncio.Event()
        self._last_event_at_s = time.monotonic()
        self._failures = 0

    @property
    def synced(self) -> bool:
        """Whether the first list is in the store."""
        return self._synced.is_set()

    @property
    def last_event_age_s(self) -> float:
        """How long ago the server last said anything: an event, a bookmark or a list."""
        return time.monotonic() - self._last_event_at_s

    async def wait_synced(self) -> None:
        await self._synced.wait()

    def subscribe(self, handler: Handler[T]) -> Callable[[], None]:
        """Call `handler(old, new)` on every change from now on; the returned function ends it."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)

    async def run(self) -> None:
        """Follow the API server until cancelled; what goes wrong out there never ends it."""
        metrics.follow(self.resource.qualified_plural, lambda: self.last_event_age_s, lambda: len(self.store))
        while True:
            try:
                await self._follow(await self._list())
            except OperatingError as error:  # among them `Expired`: the next round lists again
                await self._back_off(error)

    async def _list(self) -> str:
        self.outage.attempted(time.monotonic())
        page = await self._client.list_all(
            self.resource,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        self._heard()
        self.unreadable.clear()
        decoded = [self._decode(raw) for raw in page.items]
        changes = self.store.replace([found for found in decoded if found is not None], keep=self.unreadable)
        self._synced.set()
        for change in changes:
            self._tell(change)
        return page.resource_version

    async def _follow(self, version: str) -> None:
        """Watch again and again from where the last watch ended, until the next full list is due."""
        resync_at_s = time.monotonic() + self._limits.resync_s * random.uniform(0.9, 1.1)  # noqa: S311
        while (left_s := resync_at_s - time.monotonic()) > 0:
            started_at_s = time.monotonic()
            self.outage.attempted(started_at_s)
            try:
                async for event in self._client.watch(
                    self.resource,
                    self._namespace,
                    resource_version=version,
                    label_selector=self._label_selector,
                    field_selector=self._field_selector,
                    server_timeout_s=self._server_timeout_s(left_s),
                    idle_timeout_s=self._limits.idle_timeout_s,
                ):
                    version = self._take(event)
                if time.monotonic() - started_at_s < self._limits.watch_s_min:
                    raise Transient(f"a watch of {self.resource.qualified_plural} ended at once")  # noqa: TRY301
            except Transient as error:
                await self._back_off(error)

    def _server_timeout_s(self, left_s: float) -> int:
        spread_s = self._limits.watch_s * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        return max(1, int(min(spread_s, left_s)))

    def _take(self, event: WatchEvent) -> str:
        """Bring one frame into the store; returns the version to watch on from."""
        self._heard()
        metadata = decode(event.object, KubernetesObject).metadata
        self.unreadable.pop(metadata.key, None)
        if event.type == "DELETED":
            self._tell(self.store.remove(metadata.key))
        elif event.type != "BOOKMARK":
            found = self._decode(event.object)
            self._tell(self.store.put(found) if found is not None else None)
        return metadata.resource_version

    def _decode(self, raw: msgspec.Raw) -> T | None:
        """None for an object we can't read: then the last readable version stays, and people are told."""
        try:
            return decode(raw, self._item_type)
        except Permanent as error:
            key = decode(raw, KubernetesObject).metadata.key
            self.unreadable[key] = error.reason
            log.warning("kubernetes.unreadable", resource=self.resource.qualified_plural, key=key, reason=error.reason)
            return None

    def _tell(self, change: Change[T] | None) -> None:
        if change is not None:
            for handler in [*self._handlers]:
                handler(change.old, change.new)

    def _heard(self) -> None:
        self._last_event_at_s = time.monotonic()
        self._failures = 0
        self.problem = None

    async def _back_off(self, error: OperatingError) -> None:
        self._failures += 1
        metrics.WATCH_BREAKS.labels(self.resource.qualified_plural).inc()
        self.problem = error
        # An expired version is answered by a server that is well: it only has to be listed again.
        expired = isinstance(error, Expired)
        if not expired:
            self.outage.failed(time.monotonic())
        delay_s = self._limits.backoff.delay_s(1 if expired else self._failures)
        if isinstance(error, Transient) and error.delay_s:
            delay_s = max(delay_s, min(error.delay_s, self._limits.asked_s_max))
        log.warning(
            "kubernetes.watch_broken",
            resource=self.resource.qualified_plural,
            reason=error.reason,
            failures=self._failures,
            delay_s=round(delay_s, 3),
        )
        await asyncio.sleep(delay_s)

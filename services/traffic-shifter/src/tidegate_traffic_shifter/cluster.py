"""The Kubernetes cluster as services and routers share it: one client, one watch per kind, and who wants to be woken.

`app` opens it. Nothing is polled: an order's work sleeps until one of the objects that it named has changed.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.kubernetes.store import IndexFunction

SILENT_AFTER_S: Final = 120.0
"""A bookmark comes about once a minute: after this without a word a watch is not worth being called ready."""

_Item = TypeVar("_Item", bound=KubernetesObject)
WakeKey = tuple[str, str, str]
"""A resource's plural, a namespace and a name."""


class Cluster:
    """Args:
    client: How to reach the API server.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self.client = client
        self._reflectors: dict[Resource, Reflector[Any]] = {}
        self._sleepers: dict[WakeKey, set[asyncio.Event]] = {}

    def follow(
        self,
        resource: Resource,
        item_type: type[_Item],
        *,
        name_of: Callable[[_Item], str] = lambda found: found.metadata.name,
        indexes: Mapping[str, IndexFunction[_Item]] | None = None,
    ) -> Reflector[_Item]:
        """The one reflector of a resource; its changes wake who waits for `name_of` the object."""
        if resource not in self._reflectors:
            reflector = Reflector(self.client, resource, item_type, indexes=indexes)

            def wake(old: _Item | None, new: _Item | None) -> None:
                found = new or old
                assert found is not None, "a change has an object"
                self._wake((resource.plural, found.metadata.namespace, name_of(found)))

            reflector.subscribe(wake)
            self._reflectors[resource] = reflector
        return self._reflectors[resource]

    @contextmanager
    def woken_by(self, keys: Iterable[WakeKey]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the objects changes."""
        event, wanted = asyncio.Event(), set(keys)
        for key in wanted:
            self._sleepers.setdefault(key, set()).add(event)
        try:
            yield event
        finally:
            for key in wanted:
                self._sleepers[key].discard(event)
                if not self._sleepers[key]:
                    del self._sleepers[key]

    def _wake(self, key: WakeKey) -> None:
        for event in self._sleepers.get(key, ()):
            event.set()

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors.values():
                group.create_task(reflector.run())

    async def wait_synced(self) -> None:
        """Until the caches hold what there is."""
        for reflector in self._reflectors.values():
            await reflector.wait_synced()

    def problem(self) -> str | None:
        """What keeps the caches from being trusted now; a health check."""
        for reflector in self._reflectors.values():
            name = reflector.resource.qualified_plural
            if not reflector.synced:
                why = reflector.problem.reason if reflector.problem is not None else "not listed yet"
                return f"{name}: {why}"
            if reflector.last_event_age_s > SILENT_AFTER_S:
                return f"{name}: nothing heard for {reflector.last_event_age_s:.0f} s"
        return None

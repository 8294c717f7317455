"""The Kubernetes cluster as the plugins of a service share it: one client, and one watch per resource for all orders.

A service's `app` opens it. A plugin asks for the reflectors that it needs when it is made, or when it first needs them;
`run` follows them all.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.kubernetes.store import IndexFunction

SILENT_AFTER_S: Final = 120.0
"""A bookmark comes about once a minute: after this without a word a watch is not worth being called ready."""

_Item = TypeVar("_Item", bound=KubernetesObject)


class Cluster:
    """Args:
    client: How to reach the API server.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self.client = client
        self._reflectors: dict[tuple[Resource, str], Reflector[Any]] = {}
        self._running: asyncio.TaskGroup | None = None

    def follow(
        self,
        resource: Resource,
        item_type: type[_Item],
        *,
        label_selector: str = "",
        indexes: Mapping[str, IndexFunction[_Item]] | None = None,
    ) -> Reflector[_Item]:
        """The one reflector of a resource; whoever asks first says which fields and indexes it has.

        Asked for while the cluster is followed already, it starts at once.
        """
        key = (resource, label_selector)
        if key not in self._reflectors:
            self._reflectors[key] = Reflector(
                self.client, resource, item_type, label_selector=label_selector, indexes=indexes
            )
            if self._running is not None:
                self._running.create_task(self._reflectors[key].run())
        return self._reflectors[key]

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors.values():
                group.create_task(reflector.run())
            self._running = group
            group.create_task(asyncio.Event().wait())  # there may be none yet

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow the API server meanwhile: for whoever is no service, which runs it in the background."""
        running = asyncio.create_task(self.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def wait_synced(self) -> None:
        """Until the caches hold what there is."""
        for reflector in tuple(self._reflectors.values()):  # another one may be asked for meanwhile
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

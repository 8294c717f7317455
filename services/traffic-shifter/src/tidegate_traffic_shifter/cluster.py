"""The Kubernetes cluster as services and routers share it, and who wants to be woken by what changes in it.

`app` opens it. Nothing is polled: an order's work sleeps until one of the objects that it named has changed.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.kubernetes.store import IndexFunction

_Item = TypeVar("_Item", bound=KubernetesObject)
WakeKey = tuple[str, str, str]
"""A resource's plural (or, of the user's choice, its kind), a namespace and a name."""


class WakingCluster(Cluster):
    """Args:
    client: How to reach the API server.
    """

    def __init__(self, client: KubernetesClient) -> None:
        super().__init__(client)
        self._sleepers: dict[WakeKey, set[asyncio.Event]] = {}
        self._waking: set[Resource] = set()
        self._beside: dict[Resource, Reflector[KubernetesObject]] = {}

    def wake_by(
        self,
        resource: Resource,
        item_type: type[_Item],
        *,
        name_of: Callable[[_Item], str] = lambda found: found.metadata.name,
        indexes: Mapping[str, IndexFunction[_Item]] | None = None,
    ) -> Reflector[_Item]:
        """The one reflector of a resource; its changes wake who waits for `name_of` the object."""
        reflector = self.follow(resource, item_type, indexes=indexes)
        if resource not in self._waking:
            self._waking.add(resource)

            def wake(old: _Item | None, new: _Item | None) -> None:
                found = new or old
                assert found is not None, "a change has an object"
                self._wake((resource.plural, found.metadata.namespace, name_of(found)))

            reflector.subscribe(wake)
        return reflector

    def wake_beside(self, resource: Resource) -> None:
        """Let the changes of a kind of the user's choice wake, too.

        Nothing else is read from it, and what goes wrong with it is nobody's trouble but theirs who named it.
        """
        if resource in self._beside or self._running is None:
            return
        reflector = Reflector(self.client, resource, KubernetesObject)
        self._beside[resource] = reflector

        def wake(old: KubernetesObject | None, new: KubernetesObject | None) -> None:
            found = new or old
            assert found is not None, "a change has an object"
            self._wake((resource.kind, found.metadata.namespace, found.metadata.name))

        reflector.subscribe(wake)
        self._running.create_task(reflector.run())

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

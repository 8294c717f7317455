"""Looking at one workload: from the caches, or live. Used by `held`, for the workload itself and for one beside it."""

from collections.abc import Callable

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_workload_controller.hold import Hold
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.reading import Reading, read_live
from tidegate_workload_controller.seen import Pod, Revision, View, Workload

Cached = tuple[Workload, list[Revision], list[Pod]]
"""A workload as the caches have it; no revisions where none are followed."""


class Looking:
    """Args:
    client: How to reach the API server.
    anatomy: What the kind is made of.
    namespace: The workload's.
    name: The workload's.
    cached: Finds it in the caches.
    """

    def __init__(
        self,
        client: KubernetesClient,
        anatomy: Anatomy,
        namespace: str,
        name: str,
        cached: Callable[[str, str], Cached | None],
    ) -> None:
        self.reading = Reading(anatomy)
        self._client = client
        self._namespace = namespace
        self._name = name
        self._cached = cached

    def look(self, hold: Hold) -> View | None:
        cached = self._cached(self._namespace, self._name)
        if cached is None:
            return None
        workload, revisions, pods = cached
        return self.reading.view(workload, revisions or self.reading.revisions, pods, hold, live=False)

    async def look_live(self, hold: Hold) -> View | None:
        return await read_live(self._client, self._namespace, self._name, reading=self.reading, hold=hold)

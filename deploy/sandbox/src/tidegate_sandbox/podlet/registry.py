"""Every pod that is ours, and the worker that keeps it.

`watch` reports pods here, and `nodes` that one of its nodes is another now; a pod on a node that is not ours is left
alone.
"""

import asyncio
from collections.abc import Iterator

from tidegate_sandbox.podlet.pods import Pod
from tidegate_sandbox.podlet.worker import PodWorker, World


class Registry:
    def __init__(self, world: World, tasks: asyncio.TaskGroup) -> None:
        self._world = world
        self._tasks = tasks
        self._workers: dict[str, PodWorker] = {}

    def seen(self, pod: Pod) -> None:
        uid = pod.metadata.uid
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(pod)
            return
        if pod.spec.node_name and pod.spec.node_name not in self._world.placement.nodes:
            return
        worker = PodWorker(pod, self._world)
        self._workers[uid] = worker
        self._tasks.create_task(worker.run(), name=f"pod {pod.metadata.name}")
        self._world.telemetry.pods.set(len(self._workers))

    def gone(self, uid: str) -> None:
        worker = self._workers.pop(uid, None)
        if worker is not None:
            worker.end()
            self._world.telemetry.pods.set(len(self._workers))

    def nodes_changed(self) -> None:
        """Pods may find a node now, or stand on one that was lost or came back."""
        for worker in self._workers.values():
            worker.wake()

    def pods(self) -> Iterator[Pod]:
        """As the API server has them, as far as the watch has told."""
        return (worker.pod for worker in self._workers.values())

    def known_uids(self) -> frozenset[str]:
        return frozenset(self._workers)

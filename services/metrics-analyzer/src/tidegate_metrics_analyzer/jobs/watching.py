"""The Jobs of one namespace, and their pods, followed by watches: whoever waits for one is woken by its changes only.

Made by `runner` for each namespace when its first Job is made. Only what carries our labels is followed.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import JOBS, PODS
from tidegate_metrics_analyzer.argo.phase import Found
from tidegate_metrics_analyzer.jobs.manifest import ANALYSIS
from tidegate_metrics_analyzer.jobs.outcome import Job, JobPod, gone, outcome
from tidegate_metrics_analyzer.tasks import ended

READY_WITHIN_S: Final = 2.0

OF_JOB: Final = "job"
JOB_NAME: Final = "batch.kubernetes.io/job-name"
"""The label by which the Job controller marks a Job's pods."""


class Wait(NamedTuple):
    changed: asyncio.Event
    gone: set[str]
    """The uids of Jobs of that name that were deleted: one may come and go between two looks."""


class JobWatch:
    """Args:
    client: How to reach the API server.
    namespace: Whose Jobs.
    """

    def __init__(self, client: KubernetesClient, namespace: str) -> None:
        self._namespace = namespace
        self._jobs = Reflector(client, JOBS, Job, namespace=namespace, label_selector=ANALYSIS)
        self._pods = Reflector(
            client, PODS, JobPod, namespace=namespace, label_selector=ANALYSIS, indexes={OF_JOB: _job_of}
        )
        self._waiting: dict[str, list[Wait]] = {}
        self._jobs.subscribe(self._on_job)
        self._pods.subscribe(self._on_pod)
        self._tasks = tuple(asyncio.create_task(reflector.run()) for reflector in (self._jobs, self._pods))

    async def close(self) -> None:
        await ended(*self._tasks)

    async def ready(self) -> None:
        """Until it sees what there is; returns soon where it can't, and what is done then says why."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_WITHIN_S):
                await asyncio.gather(self._jobs.wait_synced(), self._pods.wait_synced())

    @contextmanager
    def waiting_for(self, name: str) -> Iterator[Wait]:
        """Entered before the Job is made, which may be deleted before anybody knows that it was."""
        wait = Wait(asyncio.Event(), set())
        self._waiting.setdefault(name, []).append(wait)
        try:
            yield wait
        finally:
            self._waiting[name].remove(wait)
            if not self._waiting[name]:
                del self._waiting[name]

    async def end_of(self, job: Job, wait: Wait) -> Found:
        """Waits until the Job, which the API server has just shown, has come to an end or can't."""
        name = job.metadata.name
        while True:
            known = self._jobs.store.get(self._namespace, name)
            is_it = known is not None and known.metadata.uid == job.metadata.uid
            if job.metadata.uid in wait.gone and not is_it:
                return gone(name)
            end = outcome(known if known is not None and is_it else job, self._pods.store.by_index(OF_JOB, name))
            if end is not None:
                return end
            await wait.changed.wait()
            wait.changed.clear()

    def _on_job(self, old: Job | None, new: Job | None) -> None:
        for job in (old, new):
            for wait in self._waiting.get(job.metadata.name, ()) if job is not None else ():
                if new is None and job is not None:
                    wait.gone.add(job.metadata.uid)
                wait.changed.set()

    def _on_pod(self, old: JobPod | None, new: JobPod | None) -> None:
        for name in {name for pod in (old, new) if pod is not None for name in _job_of(pod)}:
            for wait in self._waiting.get(name, ()):
                wait.changed.set()


def _job_of(pod: KubernetesObject) -> list[str]:
    name = pod.metadata.labels.get(JOB_NAME)
    return [name] if name is not None else []

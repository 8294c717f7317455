"""Jobs made, waited for and deleted: the one way in which the analyzer writes to a cluster, and only where it may.

Opened by `app`; `template_measure` asks it for one measurement's outcome, `holder` tells it which analyses a workload
has. A Job is made under a name that follows from the measurement, so that it is made once whoever asks how often.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import structlog

from tidegate_chassis.errors import Conflict, OperatingError, UnknownOutcome
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound, ObjectMeta, decode
from tidegate_chassis.kubernetes.resources import JOBS
from tidegate_chassis.settings import Settings
from tidegate_contracts.problem import printable
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.phase import Found
from tidegate_metrics_analyzer.cluster_connection import ClusterConnection
from tidegate_metrics_analyzer.job_source import Ran, Turn
from tidegate_metrics_analyzer.jobs import document, manifest
from tidegate_metrics_analyzer.jobs.outcome import Job, is_finished, outcome
from tidegate_metrics_analyzer.jobs.watching import JobWatch, Wait

UNDER_WAY_MAX: Final = 500
"""Jobs that one copy waits for at the same time. It is a wait for a watch, and holds up nobody."""

OVERTIME_S: Final = 60.0
"""How long after a Job's own deadline it must have been told of; then it is read once more, live."""

_log = structlog.get_logger()


class JobSettings(Settings, frozen=True, kw_only=True):
    job_namespaces: str = ""
    """Where analyses may run Jobs, separated by commas. The role has to be bound there, too."""
    job_seconds_max: int = 3600
    """No Job runs longer."""


class JobRunner:
    """The `JobSource` of the service.

    Args:
    cluster: Where the Jobs run.
    namespaces: In which of its namespaces they may.
    seconds_max: How long one may take.
    """

    def __init__(self, cluster: ClusterConnection, namespaces: Collection[str], seconds_max: int) -> None:
        self._cluster = cluster
        self._namespaces = frozenset(namespaces)
        self._seconds_max = seconds_max
        self._watches: dict[str, JobWatch] = {}
        self._under_way = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, cluster: ClusterConnection, settings: JobSettings) -> AsyncIterator[Self]:
        namespaces = [namespace.strip() for namespace in settings.job_namespaces.split(",") if namespace.strip()]
        runner = cls(cluster, namespaces, settings.job_seconds_max)
        try:
            yield runner
        finally:
            for watch in runner._watches.values():
                await watch.close()

    def fault(self, block: dict[str, Any], namespace: str) -> str | None:
        if namespace not in self._namespaces:
            return f"Jobs may not be run in the namespace {namespace} (TIDEGATE_JOB_NAMESPACES)"
        try:
            document.read(block)
        except ValueError as error:
            return str(error)
        return None

    async def measured(self, block: dict[str, Any], turn: Turn) -> Ran:
        return Ran(manifest.name_of(turn), await self._counted(block, turn))

    async def _counted(self, block: dict[str, Any], turn: Turn) -> Found:
        if self._under_way >= UNDER_WAY_MAX:
            return Found("Error", f"not run: {self._under_way} Jobs are under way already")
        self._under_way += 1
        try:
            return await self._measured(block, turn)
        except OperatingError as error:
            return Found("Error", printable(f"the Job could not be run: {error.reason}"))
        finally:
            self._under_way -= 1

    async def _measured(self, block: dict[str, Any], turn: Turn) -> Found:
        assert turn.namespace in self._namespaces, "a metric with a fault is not measured"
        watch = await self._watch(turn.namespace)
        with watch.waiting_for(manifest.name_of(turn)) as wait:
            job = await self._made(block, turn)
            if isinstance(job, Found):
                return job
            if (earlier := manifest.outdated(turn)) is not None:
                await self._delete_namesake(earlier)
            found = await self._end_of(job, turn, watch, wait)
        if found.phase not in ("Successful", "Failed"):
            await self._delete_namesake(turn)
        return found

    async def _watch(self, namespace: str) -> JobWatch:
        client = await self._cluster.client()
        if namespace not in self._watches:
            self._watches[namespace] = JobWatch(client, namespace)
        watch = self._watches[namespace]
        await watch.ready()
        return watch

    async def _made(self, block: dict[str, Any], turn: Turn) -> Job | Found:
        """The measurement's Job: a new one, or the one that another copy, or this one, has made for it."""
        client = await self._cluster.client()
        owner = await self._owner(turn)
        body = manifest.manifest(document.read(block), turn, owner, self._seconds_max)
        name = manifest.name_of(turn)
        try:
            return decode(await client.create(JOBS, turn.namespace, body, name=name), Job)
        except (Conflict, UnknownOutcome) as error:
            _log.info("a Job is there already, or may be", job=name, reason=error.reason)
        found = await client.read(JOBS, turn.namespace, name, Job)
        if isinstance(found, NotFound):
            return Found("Error", f"it is not known whether the Job {name} was made")
        if not manifest.is_of(turn, found.metadata):
            return Found("Error", f"there is a Job {name} that is no measurement's: its name is taken")
        return found

    async def _owner(self, turn: Turn) -> ObjectMeta | None:
        if turn.workload is None:
            return None
        client = await self._cluster.client()
        resource = await client.discover(turn.workload.api_version, turn.workload.kind)
        if isinstance(resource, NotFound):
            return None
        found = await client.read(resource, turn.namespace, turn.workload.name, KubernetesObject)
        return None if isinstance(found, NotFound) else found.metadata

    async def _end_of(self, job: Job, turn: Turn, watch: JobWatch, wait: Wait) -> Found:
        try:
            async with asyncio.timeout(self._seconds_max + OVERTIME_S):
                return await watch.end_of(job, wait)
        except TimeoutError:
            client = await self._cluster.client()
            found = await client.read(JOBS, turn.namespace, job.metadata.name, Job)
            end = None if isinstance(found, NotFound) else outcome(found, ())
            return end or Found("Error", f"the Job {job.metadata.name} did not end within {self._seconds_max} s")

    async def keep_only(self, namespace: str, workload: WorkloadReference, analyses: Collection[str]) -> None:
        kept = {manifest.label_of_analysis(analysis) for analysis in analyses}
        await self._delete_running(namespace, f"{manifest.WORKLOAD}={manifest.label_of_workload(workload)}", kept)

    async def end(self, namespace: str, analysis: str) -> None:
        """Deletes the Jobs that still run for an analysis."""
        await self._delete_running(namespace, f"{manifest.ANALYSIS}={manifest.label_of_analysis(analysis)}", ())

    async def _delete_running(self, namespace: str, selector: str, kept: Collection[str]) -> None:
        if namespace not in self._namespaces:
            return
        try:
            client = await self._cluster.client()
            page = await client.list_all(JOBS, namespace, label_selector=selector)
            for raw in page.items:
                job = decode(raw, Job)
                if job.metadata.labels.get(manifest.ANALYSIS) not in kept and not is_finished(job):
                    await self._delete(namespace, job.metadata)
        except OperatingError as error:
            # They end by their own deadline.
            _log.warning("Jobs of earlier analyses could not be deleted", namespace=namespace, reason=error.reason)

    async def _delete_namesake(self, turn: Turn) -> None:
        """The measurement's Job, whatever it does; by then nobody needs it."""
        client = await self._cluster.client()
        try:
            found = await client.read(JOBS, turn.namespace, manifest.name_of(turn), KubernetesObject)
            if not isinstance(found, NotFound) and manifest.is_of(turn, found.metadata):
                await self._delete(turn.namespace, found.metadata)
        except OperatingError as error:
            _log.warning("a Job could not be deleted", job=manifest.name_of(turn), reason=error.reason)

    async def _delete(self, namespace: str, found: ObjectMeta) -> None:
        client = await self._cluster.client()
        try:
            await client.delete(JOBS, namespace, found.name, uid=found.uid, propagation="Background")
        except Conflict:
            _log.info("a Job was replaced while it was deleted", job=found.name)

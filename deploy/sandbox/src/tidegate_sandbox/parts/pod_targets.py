"""Tells Prometheus about pods, in the stead of its own Kubernetes discovery, which Debian's package is built without.

A task of the supervisor, started by `measuring`: it lists and watches pods and writes a file_sd file with the same
`__meta_kubernetes_*` labels as the real discovery, so that the relabelling rules are those of a real cluster.
"""

import asyncio
import re
import sys
from pathlib import Path

import aiohttp
import msgspec

from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import NotReadyError

WATCH_S = 120
WRITE_AFTER_S = 1.0
"""Prometheus reads the whole file at each change, which is dear; it hands targets on every 5 s only."""
RETRY_AFTER_S = 0.5
PODS = "/api/v1/pods"
_NOT_IN_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_FINISHED = {"Succeeded", "Failed"}


class Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class PodStatus(msgspec.Struct):
    phase: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")


class Pod(msgspec.Struct):
    metadata: Metadata
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class PodList(msgspec.Struct):
    metadata: Metadata
    items: list[Pod]


class Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Target(msgspec.Struct, frozen=True):
    """One entry of a file_sd file."""

    targets: list[str]
    labels: dict[str, str]


def target_of(pod: Pod) -> Target | None:
    """What the real discovery would say of a pod; None while there is nothing to scrape."""
    if not pod.status.pod_ip or pod.status.phase in _FINISHED:
        return None
    prefix = "__meta_kubernetes"
    labels = {
        f"{prefix}_namespace": pod.metadata.namespace,
        f"{prefix}_pod_name": pod.metadata.name,
        f"{prefix}_pod_ip": pod.status.pod_ip,
        f"{prefix}_pod_phase": pod.status.phase,
    }
    for kind, values in (("annotation", pod.metadata.annotations), ("label", pod.metadata.labels)):
        labels |= {f"{prefix}_pod_{kind}_{_NOT_IN_LABEL.sub('_', key)}": value for key, value in values.items()}
    return Target([pod.status.pod_ip], labels)


class PodTargets:
    """Follows the pods for ever; the file is never older than a second."""

    def __init__(self, context: Context, file: Path) -> None:
        self._context = context
        self._file = file
        self._targets: dict[tuple[str, str], Target] = {}
        self._changed = asyncio.Event()
        self._written = b""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_for_ever())
            tasks.create_task(self._write_for_ever())

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                await self._watch(await self._list())
            except (NotReadyError, aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
                print(f"pod targets: listing again after {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - the log
                await asyncio.sleep(RETRY_AFTER_S)

    async def _list(self) -> str:
        status, content = await self._context.api_server().get(PODS)
        if status != 200:  # noqa: PLR2004
            raise NotReadyError(f"{PODS} answers {status}")
        pods = msgspec.convert(content, PodList)
        self._targets.clear()
        for pod in pods.items:
            self._take(pod)
        self._changed.set()
        return pods.metadata.resource_version

    async def _watch(self, version: str) -> None:
        """Until the API server ends it, breaks off, or no longer knows the version."""
        query = f"{PODS}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_S}&resourceVersion={version}"
        async for line in self._context.api_server().stream(query, silent_s_max=WATCH_S + 10):
            event = msgspec.json.decode(line, type=Event)
            if event.type == "ERROR":
                raise NotReadyError(f"the watch ended: {bytes(event.object)[:300]!r}")
            if event.type in {"ADDED", "MODIFIED", "DELETED"}:
                pod = msgspec.json.decode(event.object, type=Pod)
                self._take(pod, deleted=event.type == "DELETED")

    def _take(self, pod: Pod, *, deleted: bool = False) -> None:
        key = (pod.metadata.namespace, pod.metadata.name)
        target = None if deleted else target_of(pod)
        if target == self._targets.get(key):
            return
        if target is None:
            del self._targets[key]
        else:
            self._targets[key] = target
        self._changed.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            content = msgspec.json.encode(list(self._targets.values()))
            if content != self._written:
                scratch = self._file.with_suffix(".new")
                scratch.write_bytes(content)
                scratch.rename(self._file)
                self._written = content
            await asyncio.sleep(WRITE_AFTER_S)

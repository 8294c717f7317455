"""The workloads that Rollouts name, as the API server has them: whether they are there, and which version they carry.

Made by `app`; asked by `reconcile`. Each kind is followed from the first Rollout on that names one, and only read.
Before a status is made to say another thing it is read live: so a copy whose cache lags never puts the older over the
newer.
"""

import asyncio
from collections.abc import Callable

import structlog

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound, decode, says_the_same
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_rollout_operator.identities import GONE, RECORDS, UNKNOWN, Identity, Workload, identity_of
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.naming import ROLLBACK
from tidegate_rollout_operator.view import View

_log = structlog.get_logger(__name__)


class _Record(KubernetesObject, frozen=True):
    revision: int = 0
    """A ControllerRevision's own; a ReplicaSet has it in an annotation."""

    @property
    def number(self) -> int:
        written = self.metadata.annotations.get("deployment.kubernetes.io/revision", "")
        return int(written) if written.isdecimal() else self.revision


class Workloads:
    """Args:
    client: How to reach the API server.
    cluster: Our own cluster's name.
    """

    def __init__(self, client: KubernetesClient, cluster: str) -> None:
        self._client = client
        self._name = cluster
        # Not the one whose health counts: a kind that we may not follow is no reason to stop serving the others.
        self._cluster = Cluster(client)
        self._begun: asyncio.Queue[Reflector[Workload]] = asyncio.Queue()
        self._followed: dict[Resource, Reflector[Workload]] = {}
        self._identities: dict[WorkloadKey, tuple[str, Identity]] = {}
        self._newest: dict[WorkloadKey, tuple[str, str]] = {}
        self._changed: Callable[[WorkloadKey], None] = lambda _: None
        self._all_changed: Callable[[], None] = lambda: None

    def subscribe(self, changed: Callable[[WorkloadKey], None], all_changed: Callable[[], None]) -> None:
        """`changed` is called for each workload that changed, `all_changed` where more is known at once."""
        self._changed, self._all_changed = changed, all_changed

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._cluster.run())
            while True:
                group.create_task(self._tell_when_synced(await self._begun.get()))

    async def identity(self, rollout: Rollout, key: WorkloadKey, view: View) -> Identity:
        """Raises operating errors."""
        reference = rollout.workload
        resource = await self._client.discover(reference.api_version, reference.kind)
        if isinstance(resource, NotFound) or not resource.namespaced:
            return GONE
        reflector = self._follow(resource)
        seen = reflector.store.get(key.namespace, key.name)
        if seen is not None:
            found = await self._identified(key, seen, view)
            if _is_told(found, rollout):
                return found
        try:
            live = await self._client.read(resource, key.namespace, key.name, Workload)
        except Permanent as error:
            # The reflector tells of it until it is mended, and wakes us then.
            _log.debug("a workload may not be read", workload=str(key), reason=error.reason)
            return UNKNOWN
        return GONE if isinstance(live, NotFound) else await self._identified(key, live, view)

    def forget(self, key: WorkloadKey) -> None:
        """Nobody asks for this workload any more."""
        self._identities.pop(key, None)
        self._newest.pop(key, None)

    async def _identified(self, key: WorkloadKey, seen: Workload, view: View) -> Identity:
        newest = view.canary_revision if view.stage != "idle" else await self._newest_record(key, seen)
        version = f"{seen.metadata.uid}:{seen.metadata.resource_version}:{newest}"
        known = self._identities.get(key)
        if known is None or known[0] != version:
            known = self._identities[key] = (version, identity_of(key.kind, seen, newest))
        return known[1]

    async def _newest_record(self, key: WorkloadKey, seen: Workload) -> str:
        """Of a workload that was never rolled out; empty where its kind has none, or the native controller lags."""
        if key.kind not in RECORDS or not seen.is_seen:
            return ""
        version = f"{seen.metadata.uid}:{seen.metadata.generation}"
        known = self._newest.get(key)
        if known is not None and known[0] == version:
            return known[1]
        resource, label = RECORDS[key.kind]
        labels = ",".join(f"{name}={value}" for name, value in seen.spec.selector.match_labels.items())
        page = await self._client.list_all(resource, key.namespace, label_selector=labels)
        records = [decode(raw, _Record) for raw in page.items]
        ours = [each for each in records if each.metadata.controller_uid == seen.metadata.uid]
        newest = max(ours, key=lambda each: each.number, default=_Record()).metadata.labels.get(label, "")
        self._newest[key] = (version, newest)
        return newest

    def _follow(self, resource: Resource) -> Reflector[Workload]:
        if resource not in self._followed:
            reflector = self._cluster.follow(resource, Workload)
            self._followed[resource] = reflector
            reflector.subscribe(lambda old, new: self._tell(resource, old, new))
            self._begun.put_nowait(reflector)
        return self._followed[resource]

    async def _tell_when_synced(self, reflector: Reflector[Workload]) -> None:
        await reflector.wait_synced()
        self._all_changed()

    def _tell(self, resource: Resource, old: Workload | None, new: Workload | None) -> None:
        seen = new or old
        if seen is None or says_the_same(old, new):
            return
        reference = WorkloadReference(name=seen.metadata.name, kind=resource.kind, api_version=resource.api_version)
        self._changed(WorkloadKey.of(self._name, seen.metadata.namespace, reference))


def _is_told(found: Identity, rollout: Rollout) -> bool:
    """Whether a status that stands says the same."""
    told = rollout.told
    release = str(told.get("observedRolloutID", "")).removeprefix(ROLLBACK)
    return told.get("observedWorkloadGeneration") == found.generation and release == (found.chosen or found.revision)

"""Reading a workload with its revisions and pods: live, or put together from caches and from what is known.

Used by `held`. Caches leave the templates out, so a digest is remembered with the generation that it was read at; and
an answer to our own patch is newer than what the caches have until they catch up.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.ownership import Owned, own_entries
from tidegate_chassis.kubernetes.resources import PODS, REPLICA_SETS
from tidegate_workload_controller.authors import last_author
from tidegate_workload_controller.hold import Hold
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.marks import FIELD_MANAGER
from tidegate_workload_controller.seen import (
    ControllerRevision,
    LabelSelector,
    Pod,
    ReplicaSet,
    Revision,
    View,
    Workload,
)
from tidegate_workload_controller.template import Json, digest


class _TemplateSpec(msgspec.Struct, frozen=True):
    template: Json = {}


class _Templated(msgspec.Struct, frozen=True):
    spec: _TemplateSpec = _TemplateSpec()


class _Recorded(msgspec.Struct, frozen=True):
    data: _Templated = _Templated()


class _WithAuthors(Owned, frozen=True):
    spec: Json = msgspec.field(default_factory=dict)


class Reading:
    """What is known of one workload beside the caches."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self.template: Json = {}
        """The newest template that was read."""
        self.spec: Json = {}
        """What it stood in."""
        self.refused_generation: int | None = None
        """The generation from which a change led to another template than the approved one."""
        self.revisions: tuple[Revision, ...] = ()
        """Those that were read last; a new one is looked up when its pods are to be told from others."""
        self._newest: Workload | None = None
        self._author = ""
        self._owned: tuple[int, ...] = ()
        self._digest = ""
        self._digests: dict[str, tuple[str, str]] = {}

    def take(self, answer: bytes) -> Workload:
        """Take a workload as the API server just gave it."""
        workload = decode(answer, Workload)
        whole = decode(answer, _WithAuthors)
        self.spec = whole.spec
        self.template = self.spec.get("template") or {}
        self._digest = digest(self.template)
        self._author = last_author(whole.metadata.managed_fields)
        self._owned = own_entries(whole.metadata.managed_fields, FIELD_MANAGER)
        self._newest = workload
        return workload

    def take_revisions(self, answers: list[msgspec.Raw], owner: str) -> tuple[Revision, ...]:
        """Take a workload's revisions, and the digests of those not seen before."""
        found = [(revision, raw) for raw in answers if (revision := self._revision(raw, owner)) is not None]
        self._digests = {
            revision.uid: self._digests.get(revision.uid)
            or (revision.name, digest(recorded_template(raw, self.anatomy)))
            for revision, raw in found
        }
        self.revisions = tuple(revision for revision, _ in found)
        return self.revisions

    def _revision(self, raw: msgspec.Raw, owner: str) -> Revision | None:
        if self.anatomy.revisions is REPLICA_SETS:
            replica_set = decode(raw, ReplicaSet)
            return replica_set.revision if replica_set.metadata.controller_uid == owner else None
        record = decode(raw, ControllerRevision)
        metadata = record.metadata
        if metadata.controller_uid != owner:
            return None
        name = metadata.labels.get(self.anatomy.revision_label, metadata.name)
        return Revision(name, metadata.name, metadata.uid, metadata.creation_timestamp or "", number=record.revision)

    def view(
        self, workload: Workload, revisions: Iterable[Revision], pods: list[Pod], hold: Hold, *, live: bool
    ) -> View:
        """Put a view together; of the workload, the newest that is known."""
        newest = self._newest
        same = newest is not None and newest.metadata.uid == workload.metadata.uid
        if newest is not None and same and _moment(newest) > _moment(workload):
            workload = newest
        generation = workload.metadata.generation
        read = newest is not None and same and newest.metadata.generation == generation
        label = self.anatomy.revision_label
        followed = self.anatomy.revisions is REPLICA_SETS
        revisions = tuple(revisions)
        return View(
            workload=workload,
            revisions=revisions if followed else counted(revisions, pods, label),
            pods=tuple(pods),
            template_digest=self._digest if read else None,
            digests=dict(self._digests.values()),
            unread=not followed or any(each.uid not in self._digests for each in revisions),
            live=live,
            hold=hold,
            base_differs=read and self.refused_generation == generation,
            changed_by=self._author if live else "",
            owned=self._owned,
            revision_label=label,
        )


def counted(revisions: Iterable[Revision], pods: list[Pod], label: str) -> tuple[Revision, ...]:
    """Revisions with as many pods as there are: all that native controllers other than the Deployment's say."""
    alive = Counter(pod.metadata.labels.get(label, "") for pod in pods if pod.alive)
    return tuple(replace(each, told=alive[each.name]) for each in revisions)


def essence(view: View) -> tuple[object, ...]:
    """What decisions stand on: two views with the same essence lead to the same.

    The native controller makes a new revision before it says that it has seen the generation; revisions other than
    ReplicaSets are in no cache, so that is when a live view without it is old.
    """
    uid, seen = view.workload.metadata.uid, view.workload.status.observed_generation
    revisions = sorted(
        (each.uid, each.told, each.scaled_for or 0, each.available, each.is_seen) for each in view.revisions
    )
    pods = sorted((pod.metadata.uid, view.revision_of(pod), pod.alive, pod.ready_since_s or 0.0) for pod in view.pods)
    return (uid, _moment(view.workload), seen, view.workload.replicas, revisions, pods)


def _moment(workload: Workload) -> tuple[int, int]:
    """Grows with each write to the spec, and with each order's: the fence alone raises no generation."""
    return workload.metadata.generation, workload.fence


async def read_live(
    client: KubernetesClient, namespace: str, name: str, *, reading: Reading, hold: Hold
) -> View | None:
    """Read everything from the API server now: the workload first, then all that is done at its word.

    Read all at once, a revision could be older than its workload: a Deployment that says it has seen its scale, beside
    a ReplicaSet as it was before it was told to remove a pod, looks as if every pod were to stay.

    Args:
        client: How to reach it.
        namespace: The workload's.
        name: The workload's.
        reading: Takes what is found.
        hold: How the workload is held.
    """
    answer = await client.get(reading.anatomy.resource, namespace, name)
    if isinstance(answer, NotFound):
        return None
    workload = reading.take(answer)
    labels = written(workload.spec.selector)
    records, pods = await asyncio.gather(
        client.list_all(reading.anatomy.revisions, namespace, label_selector=labels),
        client.list_all(PODS, namespace, label_selector=labels),
    )
    revisions = reading.take_revisions(records.items, workload.metadata.uid)
    owners = _owners(reading.anatomy, workload, revisions)
    owned = [pod for raw in pods.items if (pod := decode(raw, Pod)).metadata.controller_uid in owners]
    return reading.view(workload, revisions, owned, hold, live=True)


def _owners(anatomy: Anatomy, workload: Workload, revisions: tuple[Revision, ...]) -> set[str]:
    if anatomy.revisions is REPLICA_SETS:
        return {each.uid for each in revisions}
    return {workload.metadata.uid}


def written(selector: LabelSelector) -> str:
    """A label selector as the API takes it in a query."""
    parts = [f"{name}={value}" for name, value in selector.match_labels.items()]
    for each in selector.match_expressions:
        match each.operator:
            case "Exists":
                parts.append(each.key)
            case "DoesNotExist":
                parts.append(f"!{each.key}")
            case operator:
                parts.append(f"{each.key} {operator.lower()} ({','.join(each.values)})")
    return ",".join(parts)


def raw_template(answer: bytes | msgspec.Raw) -> Json:
    """The pod template of a workload or a ReplicaSet as it came."""
    return decode(answer, _Templated).spec.template


def recorded_template(answer: bytes | msgspec.Raw, anatomy: Anatomy) -> Json:
    """The pod template that a revision's object keeps; a ControllerRevision keeps it as a patch that replaces."""
    if anatomy.revisions is REPLICA_SETS:
        return raw_template(answer)
    template = decode(answer, _Recorded).data.spec.template
    return {name: value for name, value in template.items() if name != "$patch"}

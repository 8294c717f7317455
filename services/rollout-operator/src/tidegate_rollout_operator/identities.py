"""What Kruise calls the versions of a workload, kind by kind: the only place here that tells kinds apart. Pure.

Called by `workloads`, which reads them, and by `naming`, which puts them into statuses. Nothing is decided by it.
"""

from typing import Final

import msgspec
from msgspec.structs import force_setattr

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.resources import CONTROLLER_REVISIONS, REPLICA_SETS, Resource
from tidegate_rollout_operator.kruise import ROLLOUT_ID
from tidegate_rollout_operator.template_hash import UndumpableError, template_hash

DEPLOYMENT: Final = "deployment.apps"
DAEMON_SET: Final = "daemonset.apps"
ADVANCED_DAEMON_SET: Final = "daemonset.apps.kruise.io"
SHORT: Final = ("cloneset.apps.kruise.io", ADVANCED_DAEMON_SET)
"""Of whose revisions Kruise shows what stands after the workload's name."""

RECORDS: Final[dict[str, tuple[Resource, str]]] = {
    DEPLOYMENT: (REPLICA_SETS, "pod-template-hash"),
    DAEMON_SET: (CONTROLLER_REVISIONS, "controller-revision-hash"),
}
"""Kinds whose status does not tell the newest revision: which objects keep them, and in which label."""


class Selector(msgspec.Struct, frozen=True, rename="camel"):
    match_labels: dict[str, str] = {}


class WorkloadSpec(msgspec.Struct, frozen=True, rename="camel"):
    template: msgspec.Raw = msgspec.Raw(b"null")
    selector: Selector = Selector()

    def __post_init__(self) -> None:
        """What it was read from, a whole page of a list maybe, is not kept for its sake."""
        force_setattr(self, "template", self.template.copy())


class WorkloadStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Of every kind together; each has some of these."""

    observed_generation: int = 0
    current_revision: str = ""
    update_revision: str = ""
    daemon_set_hash: str = ""


class Workload(KubernetesObject, frozen=True):
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()

    @property
    def is_seen(self) -> bool:
        """Whether its status tells of what stands there now."""
        return self.status.observed_generation >= self.metadata.generation


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    there: bool | None = None
    """None while it can't be told: then what stands in a status stays."""
    generation: int = 0
    revision: str = ""
    """Of the template as it stands; empty until the native controller has seen it, where only that one knows."""
    stable: str = ""
    """The version that a workload which rests runs, as its pods are labelled."""
    chosen: str = ""
    """The id that its author gave to the release."""


UNKNOWN: Final = Identity()
GONE: Final = Identity(there=False)


def identity_of(kind: str, workload: Workload, newest: str) -> Identity:
    """`newest` is what the newest of its records is labelled with, where `RECORDS` names any and it was asked for."""
    metadata, status = workload.metadata, workload.status
    revision = _revision(kind, workload, newest)
    return Identity(
        there=True,
        generation=metadata.generation,
        revision=revision,
        stable=newest if kind in RECORDS else shown(kind, status.current_revision or status.update_revision),
        chosen=metadata.labels.get(ROLLOUT_ID, ""),
    )


def shown(kind: str, revision: str) -> str:
    """A revision, as pods of the kind are labelled with it, in Kruise's words."""
    return revision.rpartition("-")[2] if kind in SHORT else revision


def stable_shown(kind: str, revision: str) -> str:
    """The same for the stable one, which Kruise never tells of an Advanced DaemonSet."""
    return "" if kind == ADVANCED_DAEMON_SET else shown(kind, revision)


def _revision(kind: str, workload: Workload, newest: str) -> str:
    if kind == DEPLOYMENT:
        return _hash(workload)
    if not workload.is_seen:
        return ""
    return (
        newest if kind in RECORDS else shown(kind, workload.status.update_revision or workload.status.daemon_set_hash)
    )


def _hash(workload: Workload) -> str:
    template = msgspec.json.decode(workload.spec.template)
    try:
        return template_hash(template if isinstance(template, dict) else {})
    except UndumpableError:
        return ""

"""The few fields that we read of workloads, their revisions and pods; everything else is skipped while decoding.

Kinds decode them from watches and live reads; `census`, `convergence` and `release` look at them.
"""

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_workload_controller.autoscalers import Autoscaler
from tidegate_workload_controller.marks import ANNOTATIONS, ORDER_REVISION, POD_TEMPLATE_HASH

if TYPE_CHECKING:
    from tidegate_workload_controller.hold import Hold


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class LabelExpression(msgspec.Struct, frozen=True, rename="camel"):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(msgspec.Struct, frozen=True, rename="camel"):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelExpression, ...] = ()


class Ordinals(msgspec.Struct, frozen=True):
    start: int = 0


class WorkloadSpec(msgspec.Struct, frozen=True, rename="camel"):
    """Of every kind together; each has some of these. Strategies stay as they are written, to be given back so."""

    replicas: int | None = None
    """None where nodes decide how many, as with DaemonSets."""
    paused: bool | None = None
    min_ready_seconds: int | None = None
    progress_deadline_seconds: int | None = None
    strategy: dict[str, Any] = {}
    update_strategy: dict[str, Any] = {}
    ordinals: Ordinals = Ordinals()
    reserve_ordinals: tuple[int | str, ...] = ()
    """Ordinals that an Advanced StatefulSet leaves out, or ranges of them."""
    pod_management_policy: str = ""
    selector: LabelSelector = LabelSelector()


class WorkloadStatus(msgspec.Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    desired_number_scheduled: int | None = None
    current_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0


class Workload(KubernetesObject, frozen=True):
    """A workload of any kind, as far as it is read."""

    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()

    @property
    def fence(self) -> int:
        """The newest order that wrote; 0 where none did or the mark is unreadable."""
        mark = self.metadata.labels.get(ORDER_REVISION, "")
        return int(mark) if mark.isdecimal() else 0

    @property
    def replicas(self) -> int:
        """How many pods it is to have: its own number, or a pod a node."""
        return (self.status.desired_number_scheduled or 0) if self.spec.replicas is None else self.spec.replicas

    @property
    def of_nodes(self) -> bool:
        """Whether it has a pod a node, as its status tells."""
        return self.spec.replicas is None and self.status.desired_number_scheduled is not None

    @property
    def is_marked(self) -> bool:
        """Whether any annotation of ours stands on it."""
        return any(mark in self.metadata.annotations for mark in ANNOTATIONS)

    @property
    def is_seen(self) -> bool:
        """Whether the native controller has taken in what stands here now."""
        return self.status.observed_generation >= self.metadata.generation

    @property
    def complete(self) -> bool:
        """Whether the native controller calls its own rollout complete."""
        status = self.status
        if self.spec.replicas is None:
            counted = {status.current_number_scheduled, status.updated_number_scheduled, status.number_available}
        else:
            counted = {status.replicas, status.updated_replicas, status.available_replicas}
        return self.is_seen and counted == {self.replicas}


class Revision(msgspec.Struct, frozen=True):
    """One version of a workload's template: a ReplicaSet of a Deployment, a ControllerRevision of any other kind.

    `told` is how many pods the native controller was told to have of it; where it keeps no such number, how many there
    are. `scaled_for` is the number of replicas that was shared out when it was told, where that is known.
    """

    name: str
    """How its pods call it, in the label by which they tell revisions apart."""
    object_name: str
    uid: str
    created: str = ""
    number: int = 0
    told: int = 0
    scaled_for: int | None = None
    made: int | None = None
    """Pods that whoever makes them counts; None where nobody says so for each revision."""
    available: int = 0
    """Those of them that it counts as available."""
    conditions: tuple[Condition, ...] = ()
    is_seen: bool = True
    """Whether whoever makes its pods has taken in how many there are to be: until then it may still remove some."""


class ReplicaSetSpec(msgspec.Struct, frozen=True, rename="camel"):
    replicas: int = 1


class ReplicaSetStatus(msgspec.Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class ReplicaSet(KubernetesObject, frozen=True):
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()

    @property
    def is_seen(self) -> bool:
        """Whether its controller has taken in what stands here now."""
        return self.status.observed_generation >= self.metadata.generation

    @property
    def revision(self) -> Revision:
        annotations = self.metadata.annotations
        return Revision(
            name=self.metadata.labels.get(POD_TEMPLATE_HASH, ""),
            object_name=self.metadata.name,
            uid=self.metadata.uid,
            created=self.metadata.creation_timestamp or "",
            number=_number(annotations.get("deployment.kubernetes.io/revision")) or 0,
            told=self.spec.replicas,
            scaled_for=_number(annotations.get("deployment.kubernetes.io/desired-replicas")),
            made=self.status.replicas,
            available=self.status.available_replicas,
            conditions=self.status.conditions,
            is_seen=self.is_seen,
        )


class ControllerRevision(KubernetesObject, frozen=True):
    """`revision` counts up whenever a template is made the newest, be it an old one again.

    Its pods carry its own label where it has one, as those of DaemonSets do, and its whole name otherwise.
    """

    revision: int = 0


class Waiting(msgspec.Struct, frozen=True, rename="camel"):
    reason: str = ""
    message: str = ""


class ContainerState(msgspec.Struct, frozen=True, rename="camel"):
    waiting: Waiting | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    restart_count: int = 0
    state: ContainerState = ContainerState()


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(KubernetesObject, frozen=True):
    status: PodStatus = PodStatus()

    @property
    def alive(self) -> bool:
        """Counted: neither on its way out nor finished, as the native controllers count."""
        return self.metadata.deletion_timestamp is None and self.status.phase not in {"Failed", "Succeeded"}

    @property
    def placed(self) -> bool:
        """Whether the scheduler has said something of it: until then it is just being written by others."""
        return bool(self.status.conditions)

    @property
    def ready_since_s(self) -> float | None:
        """Epoch seconds since when it is ready, to the second; None while it isn't."""
        for condition in self.status.conditions:
            if condition.type == "Ready":
                return epoch_s(condition.last_transition_time) if condition.status == "True" else None
        return None


class View(msgspec.Struct, frozen=True):
    """One workload with all that belongs to it, at one moment.

    `template_digest` is None where this generation's template has not been read; `digests` knows the templates of the
    revisions that were read. `live` says that all of it came from the API server just now, not from a cache.
    `base_differs`: the change was tried on this very template, and led to another one than was approved.
    """

    workload: Workload
    revisions: tuple[Revision, ...]
    pods: tuple[Pod, ...]
    template_digest: str | None
    digests: dict[str, str]
    live: bool
    hold: "Hold"
    """How its kind is held."""
    base_differs: bool = False
    changed_by: str = ""
    """Who wrote the fields of the template and the strategy last, where that was looked up."""
    owned: tuple[int, ...] = ()
    """Entries of its managed fields that are ours, by their place, as it was read last."""
    revision_label: str = POD_TEMPLATE_HASH
    """The label by which the pods tell their revision."""
    unread: bool = True
    """Whether there may be a revision whose template has not been read, as always where they are in no cache."""

    @property
    def counts_lag(self) -> bool:
        """Whether a native controller has still to hear of what another did, or counts pods that are on their way out.

        Once none has, it stands still: what it was told to do is done, as far as it can be.
        """
        if not self.workload.is_seen or not all(each.is_seen for each in self.revisions):
            return True
        ready = Counter(self.revision_of(pod) for pod in self.pods if pod.alive and pod.ready_since_s is not None)
        return self._unheard or any(each.available > min(each.told, ready[each.name]) for each in self.revisions)

    @property
    def _unheard(self) -> bool:
        """Whether a Deployment's own status, which adds its ReplicaSets up, is older than they are."""
        counted = [each for each in self.revisions if each.made is not None]
        current = [each for each in counted if self.digests.get(each.name) == self.template_digest]
        status = self.workload.status
        heard = (status.replicas, status.updated_replicas, status.available_replicas)
        return bool(counted) and heard != (_made(counted), _made(current), sum(each.available for each in counted))

    def revision_of(self, pod: Pod) -> str:
        return pod.metadata.labels.get(self.revision_label, "")


class Sight(msgspec.Struct, frozen=True):
    """All that a decision looks at: the workload, what we made beside it, and what scales it.

    `own`, `extra` and `baseline` are None where there are none. Autoscalers are only looked for live, and where a style
    needs it. `former`: what was beside it is deleted, and its ReplicaSet is not yet; told only live.
    """

    own: View | None
    extra: View | None = None
    baseline: ReplicaSet | None = None
    autoscalers: tuple[Autoscaler, ...] = ()
    live: bool = True
    former: bool = False


def _made(revisions: list[Revision]) -> int:
    return sum(each.made or 0 for each in revisions)


def epoch_s(timestamp: str | None) -> float:
    """A moment as Kubernetes writes it; 0 for none."""
    return dt.datetime.fromisoformat(timestamp).timestamp() if timestamp else 0.0


def _number(mark: str | None) -> int | None:
    return int(mark) if mark is not None and mark.isdecimal() else None

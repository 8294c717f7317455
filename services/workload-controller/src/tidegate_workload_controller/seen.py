"""The few fields that we read of Deployments, ReplicaSets and Pods; everything else is skipped while decoding.

`kinds.deployment` decodes them from watches and live reads; `census`, `convergence` and `release` look at them.
"""

import datetime as dt
from typing import Any

import msgspec

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_workload_controller.marks import ORDER_REVISION, POD_TEMPLATE_HASH


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


class DeploymentSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`strategy` stays as it is written, since it has to be given back as it was."""

    replicas: int = 1
    paused: bool | None = None
    min_ready_seconds: int | None = None
    progress_deadline_seconds: int | None = None
    strategy: dict[str, Any] = {}
    selector: LabelSelector = LabelSelector()


class DeploymentStatus(msgspec.Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class Deployment(KubernetesObject, frozen=True):
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()

    @property
    def fence(self) -> int:
        """The newest order that wrote; 0 where none did or the mark is unreadable."""
        mark = self.metadata.annotations.get(ORDER_REVISION, "")
        return int(mark) if mark.isdecimal() else 0


class ReplicaSetSpec(msgspec.Struct, frozen=True, rename="camel"):
    replicas: int = 1


class ReplicaSetStatus(msgspec.Struct, frozen=True, rename="camel"):
    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class ReplicaSet(KubernetesObject, frozen=True):
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()

    @property
    def revision(self) -> str:
        """The pod-template-hash: how a revision of a Deployment is named everywhere."""
        return self.metadata.labels.get(POD_TEMPLATE_HASH, "")

    @property
    def number(self) -> int:
        """The native controller's count of revisions."""
        mark = self.metadata.annotations.get("deployment.kubernetes.io/revision", "")
        return int(mark) if mark.isdecimal() else 0

    @property
    def scaled_for(self) -> int | None:
        """The replicas that the native controller shared out when it last told this ReplicaSet its size."""
        mark = self.metadata.annotations.get("deployment.kubernetes.io/desired-replicas", "")
        return int(mark) if mark.isdecimal() else None


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
    def ready_since_s(self) -> float | None:
        """Epoch seconds since when it is ready, to the second; None while it isn't."""
        for condition in self.status.conditions:
            if condition.type == "Ready":
                return _epoch_s(condition.last_transition_time) if condition.status == "True" else None
        return None


class View(msgspec.Struct, frozen=True):
    """One Deployment with all that belongs to it, at one moment.

    `template_digest` is None where this generation's template has not been read; `digests` knows the templates of the
    revisions that were read. `live` says that all of it came from the API server just now, not from a cache.
    `base_differs`: the change was tried on this very template, and led to another one than was approved.
    """

    deployment: Deployment
    replica_sets: tuple[ReplicaSet, ...]
    pods: tuple[Pod, ...]
    template_digest: str | None
    digests: dict[str, str]
    live: bool
    base_differs: bool = False
    changed_by: str = ""
    """Who wrote the fields of the template and the strategy last, where that was looked up."""


def _epoch_s(timestamp: str | None) -> float:
    return dt.datetime.fromisoformat(timestamp).timestamp() if timestamp else 0.0

"""What a Job and its pods say of a measurement, in Argo's phases. Pure; called by `watching` after every change."""

from collections.abc import Iterable
from typing import Final

import msgspec

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_contracts.problem import printable
from tidegate_metrics_analyzer.argo.phase import Found

NO_IMAGE: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})
"""Why a pod waits that says nothing of the version that is judged."""

MESSAGE_LENGTH_MAX: Final = 200


class _Condition(msgspec.Struct, frozen=True):
    type: str
    status: str = ""
    reason: str = ""
    message: str = ""


class _JobSpec(msgspec.Struct, frozen=True):
    suspend: bool | None = None


class _JobStatus(msgspec.Struct, frozen=True):
    conditions: tuple[_Condition, ...] = ()


class Job(KubernetesObject, frozen=True, rename="camel"):
    spec: _JobSpec = _JobSpec()
    status: _JobStatus = _JobStatus()


class _Waiting(msgspec.Struct, frozen=True):
    reason: str = ""


class _State(msgspec.Struct, frozen=True):
    waiting: _Waiting | None = None


class _ContainerStatus(msgspec.Struct, frozen=True):
    name: str = ""
    image: str = ""
    state: _State = _State()


class _PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    container_statuses: tuple[_ContainerStatus, ...] = ()
    init_container_statuses: tuple[_ContainerStatus, ...] = ()


class JobPod(KubernetesObject, frozen=True, rename="camel"):
    status: _PodStatus = _PodStatus()


def is_finished(job: Job) -> bool:
    return _ended(job) is not None


def outcome(job: Job, pods: Iterable[JobPod]) -> Found | None:
    """None while it runs.

    A Job that somebody suspends is an error, not a wait: nobody would say when it goes on.
    """
    name = job.metadata.name
    if (found := _ended(job)) is not None:
        return found
    if job.metadata.deletion_timestamp is not None:
        return gone(name)
    if job.spec.suspend:
        return Found("Error", f"somebody suspended the Job {name}")
    for pod in pods:
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            if status.state.waiting is not None and status.state.waiting.reason in NO_IMAGE:
                return Found("Inconclusive", _message(name, status.state.waiting.reason, status.image))
    return None


def gone(name: str) -> Found:
    return Found("Error", f"the Job {name} was deleted before it had ended")


def _ended(job: Job) -> Found | None:
    for condition in job.status.conditions:
        if condition.status == "True" and condition.type == "Complete":
            return Found("Successful", f"the Job {job.metadata.name} completed")
        if condition.status == "True" and condition.type == "Failed":
            return Found("Failed", _message(job.metadata.name, condition.reason or "Failed", condition.message))
    return None


def _message(name: str, reason: str, more: str) -> str:
    return printable(f"the Job {name}: {reason}: {more}".rstrip(": "))[:MESSAGE_LENGTH_MAX]

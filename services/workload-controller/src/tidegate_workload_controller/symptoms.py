"""Why pods don't get ready, told from their status, and whether waiting longer could help.

Pure; `vitals` asks when a batch makes no progress, and names the answer in the fact that it reports.
"""

from collections.abc import Iterable, Iterator

import msgspec

from tidegate_contracts.problem import printable
from tidegate_workload_controller.seen import Condition, ContainerStatus, Pod, Revision

CRASHES_MIN = 3
"""Restarts after which a crash loop is taken for one that won't end."""

PODS_NAMED_MAX = 5
"""Pods that are named in one fact."""

CANNOT_START = frozenset(
    {
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
CRASHING = "CrashLoopBackOff"


class Symptom(msgspec.Struct, frozen=True):
    """What ails one pod; `hopeless` where it plainly can't start as it is."""

    pod: str
    reason: str
    hopeless: bool


def symptoms(pods: Iterable[Pod], revisions: Iterable[Revision]) -> tuple[Symptom, ...]:
    """What keeps pods from getting ready, or from being made at all."""
    found = [symptom for pod in pods if pod.ready_since_s is None and (symptom := _of(pod)) is not None]
    return (*found, *_unmade(revisions))


def sentence(found: tuple[Symptom, ...]) -> str:
    """One reason per kind of symptom, for people."""
    reasons: dict[str, list[str]] = {}
    for symptom in found:
        reasons.setdefault(symptom.reason, []).append(symptom.pod)
    return "; ".join(printable(f"{', '.join(pods[:PODS_NAMED_MAX])}: {why}") for why, pods in reasons.items())


def _of(pod: Pod) -> Symptom | None:
    name = pod.metadata.name
    for container in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if (symptom := _of_container(name, container)) is not None:
            return symptom
    unready: Condition | None = None
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return Symptom(name, f"{condition.reason or 'not scheduled'}: {condition.message}", hopeless=False)
        if condition.type == "Ready":
            unready = condition
    reason = unready.message or unready.reason if unready is not None else ""
    return Symptom(name, reason or f"not ready (phase {pod.status.phase or 'unknown'})", hopeless=False)


def _of_container(pod: str, container: ContainerStatus) -> Symptom | None:
    waiting = container.state.waiting
    if waiting is None or waiting.reason in {"", "ContainerCreating", "PodInitializing"}:
        return None
    detail = f": {waiting.message}" if waiting.message else ""
    reason = f"container {container.name} {waiting.reason}{detail}"
    crashed = waiting.reason == CRASHING and container.restart_count >= CRASHES_MIN
    return Symptom(pod, reason, hopeless=crashed or waiting.reason in CANNOT_START)


def _unmade(revisions: Iterable[Revision]) -> Iterator[Symptom]:
    """Pods that can't even be made, because of a quota or an admission webhook."""
    for each in revisions:
        for condition in each.conditions:
            if condition.type == "ReplicaFailure" and condition.status == "True":
                yield Symptom(each.object_name, f"{condition.reason}: {condition.message}", hopeless=False)

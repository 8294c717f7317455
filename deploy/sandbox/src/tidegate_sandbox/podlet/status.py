"""The status a pod should have, from its containers' runs and what the API server already says.

`lifecycle` calls `render` at every decision and `differs` to see whether it is worth a write. Pure.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidegate_sandbox.podlet import containers
from tidegate_sandbox.podlet.containers import ContainerRun
from tidegate_sandbox.podlet.pods import (
    Address,
    Condition,
    ContainerState,
    ContainerStatus,
    Pod,
    PodStatus,
    Terminated,
    timestamp,
)

OWNED_CONDITIONS: Final = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


class Place(Struct, frozen=True):
    """Where a pod is."""

    address: str
    node_address: str


def render(pod: Pod, runs: Sequence[ContainerRun], place: Place, now_s: float) -> PodStatus:
    """The status of a pod whose containers are in these runs."""
    statuses = tuple(containers.status_of(run, now_s) for run in runs)
    phase = _phase(statuses)
    return _assemble(pod, statuses, phase, place, now_s)


def render_ended(pod: Pod, runs: Sequence[ContainerRun], place: Place, now_s: float) -> PodStatus:
    """The last status of a pod that was asked to stop, for those whose finalizers wait for it."""
    statuses = tuple(containers.completed(run, now_s) for run in runs)
    codes = [status.state.terminated.exit_code for status in statuses if status.state.terminated]
    return _assemble(pod, statuses, "Failed" if any(codes) else "Succeeded", place, now_s)


def unschedulable(pod: Pod, now_s: float) -> PodStatus:
    """The status of a pod that no node may take."""
    condition = Condition(
        "PodScheduled", "False", "Unschedulable", "no node has what the pod selects, and only taints that it tolerates"
    )
    return replace(pod.status, conditions=(_timed(pod, condition, now_s),))


def differs(wanted: PodStatus, current: PodStatus) -> bool:
    """Whether the API server's status says something else, in the fields that are ours."""
    return _comparable(wanted) != _comparable(current)


def _comparable(status: PodStatus) -> PodStatus:
    conditions = tuple(
        replace(
            condition, last_transition_time=None, reason=condition.reason or None, message=condition.message or None
        )
        for kind in OWNED_CONDITIONS
        if (condition := status.condition(kind)) is not None
    )
    return replace(
        status,
        conditions=conditions,
        container_statuses=tuple(sorted(status.container_statuses, key=lambda container: container.name)),
        init_container_statuses=tuple(sorted(status.init_container_statuses, key=lambda container: container.name)),
    )


def _assemble(pod: Pod, statuses: tuple[ContainerStatus, ...], phase: str, place: Place, now_s: float) -> PodStatus:
    start_time = pod.status.start_time or timestamp(now_s)
    return PodStatus(
        phase=phase,
        observed_generation=pod.metadata.generation,
        host_ip=place.node_address,
        host_ips=(Address(place.node_address),),
        pod_ip=place.address,
        pod_ips=(Address(place.address),),
        start_time=start_time,
        conditions=tuple(_timed(pod, condition, now_s) for condition in _conditions(pod, statuses, phase)),
        container_statuses=statuses,
        init_container_statuses=tuple(
            _init_status(container.name, container.image, start_time) for container in pod.spec.init_containers
        ),
    )


def _conditions(pod: Pod, statuses: tuple[ContainerStatus, ...], phase: str) -> tuple[Condition, ...]:
    completed = "PodCompleted" if phase == "Succeeded" else None
    unready = [status.name for status in statuses if not status.ready]
    containers_ready = Condition("ContainersReady", "True")
    if unready:
        message = None if completed else f"containers with unready status: [{' '.join(unready)}]"
        containers_ready = Condition("ContainersReady", "False", completed or "ContainersNotReady", message)
    return (
        Condition("PodScheduled", "True"),
        Condition("Initialized", "True", completed),
        containers_ready,
        _ready(pod, containers_ready),
    )


def _ready(pod: Pod, containers_ready: Condition) -> Condition:
    if containers_ready.status != "True":
        return replace(containers_ready, type="Ready")
    closed = [gate.condition_type for gate in pod.spec.readiness_gates if not _is_open(pod, gate.condition_type)]
    if closed:
        message = f"readiness gates not open: [{' '.join(closed)}]"
        return Condition("Ready", "False", "ReadinessGatesNotReady", message)
    return Condition("Ready", "True")


def _is_open(pod: Pod, gate: str) -> bool:
    condition = pod.status.condition(gate)
    return condition is not None and condition.status == "True"


def _timed(pod: Pod, condition: Condition, now_s: float) -> Condition:
    before = pod.status.condition(condition.type)
    same = before is not None and before.status == condition.status and before.last_transition_time
    return replace(condition, last_transition_time=same or timestamp(now_s))


def _phase(statuses: tuple[ContainerStatus, ...]) -> str:
    ended = [status.state.terminated for status in statuses if status.state.terminated is not None]
    if statuses and len(ended) == len(statuses):
        return "Failed" if any(terminated.exit_code for terminated in ended) else "Succeeded"
    never_ran = any(status.state.waiting is not None and status.last_state.terminated is None for status in statuses)
    return "Pending" if never_ran else "Running"


def _init_status(name: str, image: str, at: str) -> ContainerStatus:
    # Init containers are taken as done at once: nothing in the sandbox depends on what they would do.
    done = Terminated(exit_code=0, reason="Completed", started_at=at, finished_at=at)
    return ContainerStatus(
        name=name, image=image, image_id=image, ready=True, started=False, state=ContainerState(terminated=done)
    )

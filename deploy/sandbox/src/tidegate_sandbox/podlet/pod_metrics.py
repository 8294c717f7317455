"""What kube-state-metrics, and of memory a kubelet, would say of our pods, beside the podlet's own metrics.

`app` gives it to `telemetry`, which asks at each scrape, every second. It is written line by line: over hundreds of
pods a metrics library takes many times as long, on cores that everything else in the sandbox shares.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from tidegate_sandbox.podlet.behaviour import Behaviour, behaviour_of
from tidegate_sandbox.podlet.pods import Pod, seconds

TEMPLATE_HASH: Final = "pod-template-hash"
_CONDITIONS: Final = ("true", "false", "unknown")
_LABELS: Final = ("# HELP kube_pod_labels A pod's labels.", "# TYPE kube_pod_labels gauge")
_READY: Final = ("# HELP kube_pod_status_ready A pod's condition Ready.", "# TYPE kube_pod_status_ready gauge")
_RESTARTS: Final = (
    "# HELP kube_pod_container_status_restarts_total A container's restarts.",
    "# TYPE kube_pod_container_status_restarts_total counter",
)
_MEMORY: Final = (
    "# HELP container_memory_working_set_bytes A container's memory.",
    "# TYPE container_memory_working_set_bytes gauge",
)
MEBIBYTE: Final = 1024 * 1024
MEMORY_BYTES: Final = 16 * MEBIBYTE
"""Of a container that leaks nothing."""

CONTAINERS_KEPT_MAX: Final = 10_000
_behaviour = lru_cache(maxsize=CONTAINERS_KEPT_MAX)(behaviour_of)


def exposition(pods: Iterable[Pod], now_s: float) -> bytes:
    """Every pod that is held now, in Prometheus' text format; names and labels of pods need no escaping there."""
    labels, ready, restarts, memory = [*_LABELS], [*_READY], [*_RESTARTS], [*_MEMORY]
    for pod in pods:
        name = f'namespace="{pod.metadata.namespace}",pod="{pod.metadata.name}"'
        revision = pod.metadata.labels.get(TEMPLATE_HASH, "")
        labels.append(f'kube_pod_labels{{label_pod_template_hash="{revision}",{name}}} 1')
        for status in pod.status.container_statuses:
            told = f'kube_pod_container_status_restarts_total{{container="{status.name}",{name}}}'
            restarts.append(f"{told} {status.restart_count}")
        for container, used in _memory(pod, now_s):
            memory.append(f'container_memory_working_set_bytes{{container="{container}",{name}}} {used}')
        condition = pod.status.condition("Ready")
        if condition is not None:
            now = condition.status.lower()
            ready += [
                f'kube_pod_status_ready{{condition="{each}",{name}}} {1 if each == now else 0}' for each in _CONDITIONS
            ]
    return "\n".join((*labels, *ready, *restarts, *memory, "")).encode()


def _memory(pod: Pod, now_s: float) -> Iterator[tuple[str, int]]:
    """Of each running container, in bytes."""
    behaviours = {container.name: _behaviour(container) for container in pod.spec.containers}
    for status in pod.status.container_statuses:
        running, behaviour = status.state.running, behaviours.get(status.name)
        if running is not None and isinstance(behaviour, Behaviour):
            age_s = max(0.0, now_s - seconds(running.started_at, now_s))
            yield status.name, MEMORY_BYTES + round(behaviour.leak_mebibytes_per_s * age_s * MEBIBYTE)

"""What kube-state-metrics would say of our pods, under its names and labels, beside the podlet's own metrics.

`app` gives it to `telemetry`, which asks at each scrape, every second. It is written line by line: over hundreds of
pods a metrics library takes many times as long, on cores that everything else in the sandbox shares.
"""

from collections.abc import Iterable
from typing import Final

from tidegate_sandbox.podlet.pods import Pod

TEMPLATE_HASH: Final = "pod-template-hash"
_CONDITIONS: Final = ("true", "false", "unknown")
_LABELS: Final = ("# HELP kube_pod_labels A pod's labels.", "# TYPE kube_pod_labels gauge")
_READY: Final = ("# HELP kube_pod_status_ready A pod's condition Ready.", "# TYPE kube_pod_status_ready gauge")
_RESTARTS: Final = (
    "# HELP kube_pod_container_status_restarts_total A container's restarts.",
    "# TYPE kube_pod_container_status_restarts_total counter",
)


def exposition(pods: Iterable[Pod]) -> bytes:
    """Every pod that is held now, in Prometheus' text format; names and labels of pods need no escaping there."""
    labels, ready, restarts = [*_LABELS], [*_READY], [*_RESTARTS]
    for pod in pods:
        name = f'namespace="{pod.metadata.namespace}",pod="{pod.metadata.name}"'
        revision = pod.metadata.labels.get(TEMPLATE_HASH, "")
        labels.append(f'kube_pod_labels{{label_pod_template_hash="{revision}",{name}}} 1')
        for status in pod.status.container_statuses:
            told = f'kube_pod_container_status_restarts_total{{container="{status.name}",{name}}}'
            restarts.append(f"{told} {status.restart_count}")
        condition = pod.status.condition("Ready")
        if condition is not None:
            now = condition.status.lower()
            ready += [
                f'kube_pod_status_ready{{condition="{each}",{name}}} {1 if each == now else 0}' for each in _CONDITIONS
            ]
    return "\n".join((*labels, *ready, *restarts, "")).encode()

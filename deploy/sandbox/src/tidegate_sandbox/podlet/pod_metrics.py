"""What kube-state-metrics would say of our pods, under its names and labels, beside the podlet's own metrics.

`app` registers the collector; it reads the pods as the API server has them, at the moment it is asked.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate_sandbox.podlet.pods import Pod

TEMPLATE_HASH: Final = "pod-template-hash"
_CONDITIONS: Final = ("true", "false", "unknown")


class PodCollector(Collector):
    """`pods` tells every pod that is held now."""

    def __init__(self, pods: Callable[[], Iterable[Pod]]) -> None:
        self._pods = pods

    def collect(self) -> Iterator[Metric]:
        labels = GaugeMetricFamily(
            "kube_pod_labels", "A pod's labels.", labels=("namespace", "pod", "label_pod_template_hash")
        )
        ready = GaugeMetricFamily(
            "kube_pod_status_ready", "A pod's condition Ready.", labels=("namespace", "pod", "condition")
        )
        restarts = CounterMetricFamily(
            "kube_pod_container_status_restarts", "A container's restarts.", labels=("namespace", "pod", "container")
        )
        for pod in self._pods():
            name = (pod.metadata.namespace, pod.metadata.name)
            labels.add_metric((*name, pod.metadata.labels.get(TEMPLATE_HASH, "")), 1)
            for status in pod.status.container_statuses:
                restarts.add_metric((*name, status.name), status.restart_count)
            condition = pod.status.condition("Ready")
            if condition is not None:
                for value in _CONDITIONS:
                    ready.add_metric((*name, value), condition.status.lower() == value)
        yield from (labels, ready, restarts)

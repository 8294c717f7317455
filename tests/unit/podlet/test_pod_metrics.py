"""Pods as kube-state-metrics would show them: the names and labels that the analyzer's pod health reads."""

from prometheus_client import CollectorRegistry, generate_latest

from tidegate_sandbox.podlet.pod_metrics import PodCollector
from tidegate_sandbox.podlet.pods import Condition, ContainerStatus, Metadata, Pod, PodStatus


def shown(*pods: Pod) -> set[str]:
    registry = CollectorRegistry()
    registry.register(PodCollector(lambda: pods))
    return {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}


def test_a_pods_revision_readiness_and_restarts_are_shown() -> None:
    metadata = Metadata(name="web-1", namespace="shop", labels={"pod-template-hash": "5d8f", "app": "web"})
    status = PodStatus(
        conditions=(Condition("Ready", "True"),), container_statuses=(ContainerStatus(name="app", restart_count=2),)
    )
    assert shown(Pod(metadata, status=status)) == {
        'kube_pod_labels{label_pod_template_hash="5d8f",namespace="shop",pod="web-1"} 1.0',
        'kube_pod_status_ready{condition="true",namespace="shop",pod="web-1"} 1.0',
        'kube_pod_status_ready{condition="false",namespace="shop",pod="web-1"} 0.0',
        'kube_pod_status_ready{condition="unknown",namespace="shop",pod="web-1"} 0.0',
        'kube_pod_container_status_restarts_total{container="app",namespace="shop",pod="web-1"} 2.0',
    }


def test_a_pod_without_a_status_says_nothing_of_readiness() -> None:
    assert shown(Pod(Metadata(name="web-2", namespace="shop"))) == {
        'kube_pod_labels{label_pod_template_hash="",namespace="shop",pod="web-2"} 1.0'
    }

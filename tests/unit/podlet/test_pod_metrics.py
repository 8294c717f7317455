"""Pods as kube-state-metrics would show them: the names and labels that the analyzer's pod health reads."""

from prometheus_client.parser import text_string_to_metric_families

from tidegate_sandbox.podlet.pod_metrics import exposition
from tidegate_sandbox.podlet.pods import (
    Condition,
    Container,
    ContainerState,
    ContainerStatus,
    Metadata,
    Pod,
    PodStatus,
    Running,
    Spec,
    timestamp,
)

NOW_S = 1_800_000_000.0


def shown(*pods: Pod) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    """What a scraper reads of it."""
    return {
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(exposition(pods, NOW_S).decode())
        for sample in family.samples
    }


def sample(name: str, value: float, **labels: str) -> tuple[str, frozenset[tuple[str, str]], float]:
    return name, frozenset(labels.items()), value


def test_a_pods_revision_readiness_and_restarts_are_shown() -> None:
    metadata = Metadata(name="web-1", namespace="shop", labels={"pod-template-hash": "5d8f", "app": "web"})
    status = PodStatus(
        conditions=(Condition("Ready", "True"),), container_statuses=(ContainerStatus(name="app", restart_count=2),)
    )
    of = {"namespace": "shop", "pod": "web-1"}
    assert shown(Pod(metadata, status=status)) == {
        sample("kube_pod_labels", 1, label_pod_template_hash="5d8f", **of),
        sample("kube_pod_status_ready", 1, condition="true", **of),
        sample("kube_pod_status_ready", 0, condition="false", **of),
        sample("kube_pod_status_ready", 0, condition="unknown", **of),
        sample("kube_pod_container_status_restarts_total", 2, container="app", **of),
    }


def test_a_container_takes_as_much_memory_as_it_leaked_since_it_started() -> None:
    containers = (Container(name="good", image="web:v1"), Container(name="bad", image="web:v2_leak-0.5"))
    state = ContainerState(running=Running(timestamp(NOW_S - 20)))
    statuses = tuple(ContainerStatus(name=container.name, state=state) for container in containers)
    crashed = ContainerStatus(name="gone")
    pod = Pod(
        Metadata(name="web-3", namespace="shop"),
        spec=Spec(containers=containers),
        status=PodStatus(container_statuses=(*statuses, crashed)),
    )
    memory = {(dict(labels)["container"], value) for name, labels, value in shown(pod) if "memory" in name}
    assert memory == {("good", 16 * 2**20), ("bad", 26 * 2**20)}


def test_a_pod_without_a_status_says_nothing_of_readiness() -> None:
    assert shown(Pod(Metadata(name="web-2", namespace="shop"))) == {
        sample("kube_pod_labels", 1, label_pod_template_hash="", namespace="shop", pod="web-2")
    }


def test_without_pods_there_is_nothing_but_the_descriptions() -> None:
    assert shown() == set()
    assert all(line.startswith("#") for line in exposition([], NOW_S).decode().splitlines())

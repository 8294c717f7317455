"""Real HorizontalPodAutoscalers scale real workloads by the podlet's resource metrics."""

import json

import pytest
from support.kruise_workloads import KINDS, Manifest, Workload
from support.sandbox import kubectl, until_true

from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
SCALED = ("Deployment", "StatefulSet", "CloneSet in place", "Advanced StatefulSet in place")


def autoscaler(workload: Workload) -> Manifest:
    """Half a core for each pod, two to eight pods, down as quickly as up."""
    kind, target = workload.kind, {"type": "AverageValue", "averageValue": "500m"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": workload.name},
        "spec": {
            "scaleTargetRef": {"apiVersion": kind.api_version, "kind": kind.name, "name": workload.name},
            "minReplicas": 2,
            "maxReplicas": 8,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


def load(**cores: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "podlet-load"}, "data": cores}


def test_autoscalers_follow_the_load_of_every_kind_up_and_down(sandbox: SandboxState, namespace: str) -> None:
    workloads = [
        Workload(sandbox, namespace, KINDS[name], f"web-{number}") for number, name in enumerate(SCALED, start=1)
    ]
    workloads[0].apply(load(**{workload.name: "2" for workload in workloads}))
    for workload in workloads:
        workload.create(replicas=2)
        workload.apply(autoscaler(workload))
    for workload in workloads:
        workload.until_ready(4)
    workloads[0].apply(load(**{workload.name: "1" for workload in workloads}))
    for workload in workloads:
        workload.until_ready(2)


def test_what_pods_use_is_shown_by_kubectl_top(sandbox: SandboxState, namespace: str) -> None:
    workload = Workload(sandbox, namespace, KINDS["Deployment"])
    workload.apply(load(web="1.5"))
    workload.create(replicas=3, image="registry.example/web:v1_cpu-20")
    workload.until_ready(3)

    def shown() -> list[str]:
        lines = kubectl(sandbox, "-n", namespace, "top", "pods", "-l", "app=web", "--no-headers").splitlines()
        return [line.split()[1] for line in lines]

    until_true(lambda: shown() == ["520m"] * 3, what="three pods that share the load")


def test_a_load_that_cannot_be_read_is_told_to_the_autoscaler(sandbox: SandboxState, namespace: str) -> None:
    workload = Workload(sandbox, namespace, KINDS["Deployment"])
    workload.create(replicas=2)
    workload.until_ready(2)
    workload.apply(load(web="much"))
    workload.apply(autoscaler(workload))

    def told() -> str:
        conditions = json.loads(kubectl(sandbox, "-n", namespace, "get", "hpa/web", "-o", "json"))["status"]
        return str(conditions.get("conditions", ""))

    until_true(lambda: "podlet-load" in told(), what="the reason among the autoscaler's conditions")

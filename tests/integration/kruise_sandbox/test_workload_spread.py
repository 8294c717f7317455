"""OpenKruise's WorkloadSpread, by its webhook, spreads a CloneSet's pods and keeps the spread through an update."""

from collections import Counter

import pytest
from support.kruise_workloads import KINDS, V2, Manifest, Workload

from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
ZONE = "topology.kubernetes.io/zone"


def subset(name: str, operator: str, **more: object) -> Manifest:
    term = {"matchExpressions": [{"key": ZONE, "operator": operator, "values": ["zone-a"]}]}
    labels = {"metadata": {"labels": {"subset": name}}}
    return {"name": name, "requiredNodeSelectorTerm": term, "patch": labels, **more}


def spread(workload: Workload) -> Manifest:
    target = {"apiVersion": workload.kind.api_version, "kind": workload.kind.name, "name": "web"}
    return {
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "WorkloadSpread",
        "metadata": {"name": "web"},
        "spec": {
            "targetRef": target,
            "subsets": [subset("here", "In", maxReplicas=2), subset("elsewhere", "NotIn")],
        },
    }


def subsets(pods: list[Manifest]) -> Counter[str]:
    return Counter(pod["metadata"]["labels"].get("subset", "none") for pod in pods)


def test_two_pods_stay_in_one_zone_before_during_and_after_an_update(sandbox: SandboxState, namespace: str) -> None:
    workload = Workload(sandbox, namespace, KINDS["CloneSet that recreates"])
    workload.apply(spread(workload))
    workload.create(replicas=5)
    pods = workload.until_ready(5)
    assert subsets(pods) == {"here": 2, "elsewhere": 3}
    for pod in pods:
        in_zone_a = pod["spec"]["nodeName"] in {"node-1", "node-4"}
        assert in_zone_a is (pod["metadata"]["labels"]["subset"] == "here")
    workload.patch({"updateStrategy": {"partition": 3, "maxUnavailable": 1}})
    workload.set_image(V2)
    workload.until_updated(2, of=5)
    assert subsets(workload.until_ready(5)) == {"here": 2, "elsewhere": 3}
    workload.patch({"updateStrategy": {"partition": 0}})
    assert subsets(workload.until_ready(5, V2)) == {"here": 2, "elsewhere": 3}

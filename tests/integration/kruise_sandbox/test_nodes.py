"""Nodes are lost, come back, are cordoned; pods are evicted and refused by a quota: all by the real controllers."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support.kruise_workloads import KINDS, Manifest, Workload, is_ready, uids
from support.sandbox import NODE_GRACE_S, kubectl, until_true

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
LOST_WITHIN_S = 2.0 * NODE_GRACE_S
NODE = "node-2"


@pytest.fixture
def lost_node(sandbox: SandboxState) -> Iterator[str]:
    """Lost by the test, found again after it."""
    yield NODE
    kubectl(sandbox, "annotate", "node", NODE, "tidegate.dev/lost-")
    until_true(lambda: node_is(sandbox, NODE, "True"), within_s=LOST_WITHIN_S, what=f"{NODE} Ready again")


def node_is(sandbox: SandboxState, name: str, ready: str) -> bool:
    node = json.loads(kubectl(sandbox, "get", "node", name, "-o", "json"))
    return {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == ready


def answers(sandbox: SandboxState, address: str) -> bool:
    command = [sys.executable, "-c", f"import socket; socket.create_connection(('{address}', 8080), timeout=2)"]
    return subprocess.run(sandboxes.exec_command(sandbox, command), capture_output=True, check=False).returncode == 0


def on(node: str, pods: list[Manifest]) -> list[Manifest]:
    return [pod for pod in pods if pod["spec"].get("nodeName") == node]


def test_the_pods_of_a_lost_node_are_not_ready_and_replaced_and_come_back_with_it(
    sandbox: SandboxState, namespace: str, lost_node: str
) -> None:
    soon = [
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
    ]
    moving = Workload(sandbox, namespace, KINDS["CloneSet that recreates"])
    moving.create(replicas=6, tolerations=soon)
    agents = Workload(sandbox, namespace, KINDS["DaemonSet"], "agents")
    agents.create()
    before, agent = moving.until_ready(6), on(lost_node, agents.until_ready(6))[0]
    address = agent["status"]["podIP"]
    assert answers(sandbox, address)
    kubectl(sandbox, "annotate", "node", lost_node, "tidegate.dev/lost=true")
    until_true(lambda: not answers(sandbox, address), what="silence of the lost node's pods")
    until_true(lambda: node_is(sandbox, lost_node, "Unknown"), within_s=LOST_WITHIN_S, what="the node's loss")
    until_true(lambda: not is_ready(on(lost_node, agents.pods())[0]), what="the agent on it not Ready")
    # One pod after the other: until the last one has its turn, it still stands there as it was.
    until_true(lambda: not any(map(is_ready, on(lost_node, moving.pods()))), what="no pod on it Ready")
    after = moving.until_ready(6)
    assert not on(lost_node, after)
    assert len(uids(after) - uids(before)) == len(on(lost_node, before)) > 0
    kubectl(sandbox, "annotate", "node", lost_node, "tidegate.dev/lost-")
    assert uids([agent]) == uids(on(lost_node, agents.until_ready(6)))
    assert answers(sandbox, address)


def test_a_cordoned_node_takes_agents_only(sandbox: SandboxState, namespace: str) -> None:
    workload = Workload(sandbox, namespace, KINDS["StatefulSet"])
    agents = Workload(sandbox, namespace, KINDS["Advanced DaemonSet"], "agents")
    kubectl(sandbox, "cordon", NODE)
    try:
        workload.create(replicas=6)
        assert not on(NODE, workload.until_ready(6))
        agents.create()
        assert on(NODE, agents.until_ready(6))
    finally:
        kubectl(sandbox, "uncordon", NODE)


def test_an_evicted_pod_is_replaced(sandbox: SandboxState, namespace: str) -> None:
    workload = Workload(sandbox, namespace, KINDS["CloneSet in place"])
    workload.create(replicas=3)
    before = workload.until_ready(3)
    name = before[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    kubectl(sandbox, "create", "--raw", path, "-f", "-", manifest=json.dumps(eviction))
    until_true(lambda: len(uids(workload.until_ready(3)) & uids(before)) == 2, what="another pod in its place")


def test_a_quota_refuses_pods_and_the_workload_says_so(sandbox: SandboxState, namespace: str) -> None:
    workload = Workload(sandbox, namespace, KINDS["CloneSet that recreates"])
    kubectl(sandbox, "-n", namespace, "create", "quota", "few", "--hard=pods=2")
    workload.create(replicas=3)
    workload.until_ready(2)
    events = "involvedObject.kind=CloneSet"
    until_true(
        lambda: "exceeded quota" in kubectl(sandbox, "-n", namespace, "get", "events", "--field-selector", events),
        what="an event that names the quota",
    )

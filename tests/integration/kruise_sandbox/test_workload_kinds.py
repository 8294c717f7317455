"""Every workload kind comes up on its real controller and does its own update on the podlet's pods."""

import pytest
from support.kruise_workloads import KINDS, V1, V2, Kind, Workload, running_image, uids

from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
NODES = 6
REPLICAS = 4


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_a_workload_comes_up_and_updates_itself(sandbox: SandboxState, namespace: str, kind: Kind) -> None:
    workload = Workload(sandbox, namespace, kind)
    count = NODES if kind.per_node else REPLICAS
    workload.create(replicas=REPLICAS)
    before = workload.until_ready(count, V1)
    workload.set_image(V2)
    after = workload.until_ready(count, V2)
    restarts = {pod["status"]["containerStatuses"][0]["restartCount"] for pod in after}
    if kind.in_place:
        assert uids(after) == uids(before)
        assert restarts == {1}
    else:
        assert not uids(after) & uids(before)
        assert restarts == {0}
    if kind.per_node:
        assert {pod["spec"]["nodeName"] for pod in after} == {f"node-{number + 1}" for number in range(NODES)}


def partitioned(kind: Kind, partition: int) -> dict[str, object]:
    strategy = {"partition": partition} if kind.name == "CloneSet" else {"rollingUpdate": {"partition": partition}}
    return {"updateStrategy": strategy}


@pytest.mark.parametrize("name", [name for name in KINDS if name not in {"Deployment", "DaemonSet"}])
def test_a_partition_keeps_that_many_old_pods(sandbox: SandboxState, namespace: str, name: str) -> None:
    workload = Workload(sandbox, namespace, KINDS[name])
    count = NODES if workload.kind.per_node else REPLICAS
    workload.create(replicas=REPLICAS)
    workload.until_ready(count)
    workload.patch(partitioned(workload.kind, 3))
    workload.set_image(V2)
    workload.until_updated(count - 3, of=count)
    images = [running_image(pod) for pod in workload.until_ready(count)]
    assert (images.count(V1), images.count(V2)) == (3, count - 3)


@pytest.mark.parametrize("name", ["StatefulSet", "Advanced StatefulSet in place"])
def test_the_pods_of_a_stateful_set_keep_their_names(sandbox: SandboxState, namespace: str, name: str) -> None:
    workload = Workload(sandbox, namespace, KINDS[name])
    workload.create(replicas=3)
    before = workload.until_ready(3)
    assert {pod["metadata"]["name"] for pod in before} == {"web-0", "web-1", "web-2"}
    workload.set_image(V2)
    after = workload.until_ready(3, V2)
    assert {pod["metadata"]["name"] for pod in after} == {"web-0", "web-1", "web-2"}

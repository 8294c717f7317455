"""OpenKruise's manager is a part like the others: it comes back when killed, and nothing of it is left behind."""

import os

import pytest
from support.kruise_workloads import KINDS, V2, Workload
from support.remains import living_processes_of, pid_namespace
from support.sandbox import kubectl, until_true

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
# All that a CloneSet's controller needs.
WITHOUT = ("nats", "prometheus", "proxy", "podlet")


def test_a_killed_manager_comes_back_and_goes_on(sandbox: SandboxState, namespace: str) -> None:
    workload = Workload(sandbox, namespace, KINDS["CloneSet in place"])
    workload.create(replicas=3)
    workload.until_ready(3)
    sandboxes.part(sandbox.name, "halt", "kruise-manager")
    kubectl(sandbox, "-n", namespace, "scale", workload.path, "--replicas=4")
    assert sandboxes.part(sandbox.name, "start", "kruise-manager").state == "ready"
    workload.until_ready(4)
    workload.set_image(V2)
    workload.until_ready(4, V2)


def test_a_sandbox_has_a_manager_only_when_it_is_asked_for_and_leaves_nothing_of_it() -> None:
    name = sandboxes.unique_name("test")
    try:
        state = sandboxes.up(name, including=["kruise"], without=WITHOUT, owner_pid=os.getpid())
        assert set(state.parts) == {"etcd", "kube-apiserver", "kube-controller-manager", "kruise-manager"}
        namespace = pid_namespace(state)
        assert len(living_processes_of(namespace)) > len(state.parts)
    finally:
        sandboxes.down(name)
    until_true(lambda: not living_processes_of(namespace), what="the end of all processes")
    assert not state.directory.exists()

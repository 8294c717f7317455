"""Parts of a sandbox are killed, halted and frozen, and come back with what they knew."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest
from support.sandbox import kubectl, until_true

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


def nats_started(own_sandbox: SandboxState) -> str:
    with urllib.request.urlopen(f"{own_sandbox.nats_monitoring_url}/varz", timeout=1) as answer:
        return str(json.loads(answer.read())["start"])


def nats_answers(own_sandbox: SandboxState) -> bool:
    try:
        return bool(nats_started(own_sandbox))
    except (OSError, urllib.error.URLError):
        return False


def test_a_killed_nats_comes_back_as_another_process(own_sandbox: SandboxState) -> None:
    before = nats_started(own_sandbox)
    sandboxes.part(own_sandbox.name, "kill", "nats")
    after = sandboxes.part(own_sandbox.name, "ready", "nats")
    assert (after.state, after.last_death) == ("ready", "was ended by SIGKILL")
    assert nats_started(own_sandbox) != before


def test_a_killed_api_server_comes_back_with_its_objects(own_sandbox: SandboxState) -> None:
    kubectl(own_sandbox, "create", "configmap", "kept")
    sandboxes.part(own_sandbox.name, "kill", "kube-apiserver")
    sandboxes.part(own_sandbox.name, "ready", "kube-apiserver")
    assert "kept" in kubectl(own_sandbox, "get", "configmaps", "-o", "name")


# The controller manager backs off for up to half a minute when the API server was away several times in a row.
BACK_TO_WORK = "--timeout=60s"


def test_a_pod_still_becomes_ready_after_the_api_server_was_killed(own_sandbox: SandboxState) -> None:
    sandboxes.part(own_sandbox.name, "kill", "kube-apiserver")
    sandboxes.part(own_sandbox.name, "ready", "kube-apiserver")
    kubectl(own_sandbox, "create", "deployment", "later", "--image=registry.example/web:v1")
    kubectl(own_sandbox, "wait", "deployment/later", "--for=condition=Available", BACK_TO_WORK)


def test_prometheus_still_hears_of_new_pods_after_the_api_server_was_killed(own_sandbox: SandboxState) -> None:
    sandboxes.part(own_sandbox.name, "kill", "kube-apiserver")
    sandboxes.part(own_sandbox.name, "ready", "kube-apiserver")
    kubectl(own_sandbox, "create", "deployment", "heard-of", "--image=registry.example/web:v1")
    kubectl(own_sandbox, "wait", "deployment/heard-of", "--for=condition=Available", BACK_TO_WORK)
    pods = own_sandbox.prometheus_targets_directory.parent / "pods" / "pods.json"
    until_true(lambda: "heard-of" in pods.read_text(), what="the new pod in the list for Prometheus")


def test_a_halted_part_stays_down_until_it_is_started(own_sandbox: SandboxState) -> None:
    assert sandboxes.part(own_sandbox.name, "halt", "nats").state == "down"
    assert not nats_answers(own_sandbox)
    assert sandboxes.part(own_sandbox.name, "start", "nats").state == "ready"
    assert nats_answers(own_sandbox)


def test_a_frozen_part_answers_nothing_until_it_is_thawed(own_sandbox: SandboxState) -> None:
    assert sandboxes.part(own_sandbox.name, "stop", "nats").state == "frozen"
    assert not nats_answers(own_sandbox)
    assert sandboxes.part(own_sandbox.name, "cont", "nats").state == "ready"
    until_true(lambda: nats_answers(own_sandbox), what="the thawed NATS answering")


def test_a_part_that_dies_by_itself_comes_back(own_sandbox: SandboxState) -> None:
    before = next(one for one in sandboxes.status(own_sandbox.name) if one.name == "envoy")
    subprocess.run(sandboxes.exec_command(own_sandbox, ["kill", "-SEGV", str(before.pid)]), check=True)

    def came_back() -> bool:
        now = next(one for one in sandboxes.status(own_sandbox.name) if one.name == "envoy")
        return now.state == "ready" and now.deaths == before.deaths + 1 and now.pid != before.pid

    until_true(came_back, what="Envoy coming back")


def test_an_unknown_part_is_named_with_those_that_exist(own_sandbox: SandboxState) -> None:
    with pytest.raises(SandboxError, match=r"no part is called 'nets'.*nats"):
        sandboxes.part(own_sandbox.name, "kill", "nets")

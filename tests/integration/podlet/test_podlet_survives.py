"""Kill the podlet, kill the API server: pods keep what they had, and new ones become ready."""

import json
import subprocess
import sys
from typing import Any

import pytest
from support.sandbox import kubectl, until_true

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def fetch(sandbox: SandboxState, url: str) -> str | None:
    command = sandboxes.exec_command(sandbox, [sys.executable, "-c", FETCH, url])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout if done.returncode == 0 else None


def pods(sandbox: SandboxState) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kubectl(sandbox, "get", "pods", "-o", "json"))["items"]
    return found


def ready_count(sandbox: SandboxState, name: str) -> int:
    return int(kubectl(sandbox, "get", "deployment", name, "-o", "jsonpath={.status.readyReplicas}") or 0)


def test_a_killed_podlet_takes_its_pods_over_as_they_were(own_sandbox: SandboxState) -> None:
    kubectl(own_sandbox, "create", "deployment", "web", "--image=web:v1", "--replicas=5")
    until_true(lambda: ready_count(own_sandbox, "web") == 5, within_s=20.0, what="five ready pods")
    before = {pod["metadata"]["uid"]: pod["status"] for pod in pods(own_sandbox)}
    sandboxes.part(own_sandbox.name, "kill", "podlet")
    sandboxes.part(own_sandbox.name, "ready", "podlet")
    address = next(iter(before.values()))["podIP"]
    until_true(lambda: fetch(own_sandbox, f"http://{address}:8080/"), within_s=15.0, what="an answer")
    assert {pod["metadata"]["uid"]: pod["status"] for pod in pods(own_sandbox)} == before


def test_pods_serve_without_an_api_server_and_new_ones_come_after_it(own_sandbox: SandboxState) -> None:
    kubectl(own_sandbox, "create", "deployment", "lasting", "--image=web:v1", "--replicas=2")
    until_true(lambda: ready_count(own_sandbox, "lasting") == 2, within_s=20.0, what="two ready pods")
    address = next(pod for pod in pods(own_sandbox) if "lasting" in pod["metadata"]["name"])["status"]["podIP"]
    sandboxes.part(own_sandbox.name, "halt", "kube-apiserver")
    assert fetch(own_sandbox, f"http://{address}:8080/")
    sandboxes.part(own_sandbox.name, "start", "kube-apiserver")
    kubectl(own_sandbox, "scale", "deployment", "lasting", "--replicas=4")
    until_true(lambda: ready_count(own_sandbox, "lasting") == 4, within_s=30.0, what="four ready pods")
    metrics = fetch(own_sandbox, own_sandbox.podlet_metrics_url_inside)
    assert metrics is not None
    assert "podlet_pods" in metrics

"""The podlet's pods on a real API server with the real controllers, behind the real proxy."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from support.sandbox import kubectl, until_true

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.load.run import LoadRun, Plan
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def deployment(image: str, replicas: int = 1, **pod_spec: Any) -> str:
    labels = {"app": "web"}
    container = {"name": "web", "image": image, "ports": [{"containerPort": 8080}]}
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], **pod_spec}},
            },
        }
    )


def apply(sandbox: SandboxState, namespace: str, manifest: str) -> None:
    kubectl(sandbox, "-n", namespace, "apply", "-f", "-", manifest=manifest)


def pods(sandbox: SandboxState, namespace: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kubectl(sandbox, "-n", namespace, "get", "pods", "-o", "json"))["items"]
    return found


def is_ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def waiting_reason(pod: dict[str, Any]) -> str | None:
    statuses = pod["status"].get("containerStatuses") or [{"state": {}}]
    return statuses[0]["state"].get("waiting", {}).get("reason")


def until_ready(sandbox: SandboxState, namespace: str, count: int) -> list[dict[str, Any]]:
    def all_ready() -> bool:
        found = [pod for pod in pods(sandbox, namespace) if "deletionTimestamp" not in pod["metadata"]]
        return len(found) == count and all(map(is_ready, found))

    until_true(all_ready, within_s=20.0, what=f"{count} ready pods")
    return pods(sandbox, namespace)


def fetch(sandbox: SandboxState, address: str, path: str = "/") -> str:
    command = [sys.executable, "-c", FETCH, f"http://{address}:8080{path}"]
    return subprocess.run(
        sandboxes.exec_command(sandbox, command), capture_output=True, text=True, check=True, timeout=20
    ).stdout


def test_ten_pods_are_ready_spread_over_the_nodes_and_answer_as_themselves(
    sandbox: SandboxState, namespace: str
) -> None:
    apply(sandbox, namespace, deployment("registry.example/web:v1", replicas=10))
    found = until_ready(sandbox, namespace, 10)
    on_nodes = [pod["spec"]["nodeName"] for pod in found]
    assert sorted(on_nodes.count(node) for node in set(on_nodes)) == [3, 3, 4]
    assert len({pod["status"]["podIP"] for pod in found}) == 10
    one = found[0]
    assert fetch(sandbox, one["status"]["podIP"]).split() == ["version", "v1", "pod", one["metadata"]["name"]]
    assert 'http_requests_total{code="200"} 1' in fetch(sandbox, one["status"]["podIP"], "/metrics")


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("v1_pull-fail", "ImagePullBackOff"),
        ("v1_crash-0.1", "CrashLoopBackOff"),
        ("v1_x-y", "CreateContainerConfigError"),
    ],
)
def test_a_pod_that_cannot_run_says_why(sandbox: SandboxState, namespace: str, tag: str, reason: str) -> None:
    apply(sandbox, namespace, deployment(f"web:{tag}"))
    until_true(
        lambda: [waiting_reason(pod) for pod in pods(sandbox, namespace)] == [reason],
        within_s=15.0,
        what=f"a pod waiting for {reason}",
    )
    assert not is_ready(pods(sandbox, namespace)[0])


def test_a_pod_that_fits_no_node_says_so(sandbox: SandboxState, namespace: str) -> None:
    apply(sandbox, namespace, deployment("web:v1", nodeSelector={"disk": "fast"}))

    def unschedulable() -> bool:
        conditions = [c for pod in pods(sandbox, namespace) for c in pod["status"].get("conditions", ())]
        return any(c["type"] == "PodScheduled" and c.get("reason") == "Unschedulable" for c in conditions)

    until_true(unschedulable, what="an unschedulable pod")


def test_a_readiness_gate_and_an_image_changed_in_place_are_honoured(sandbox: SandboxState, namespace: str) -> None:
    gate = "InPlaceUpdateReady"
    apply(sandbox, namespace, deployment("web:v1", readinessGates=[{"conditionType": gate}]))
    until_true(lambda: [pod["status"].get("phase") for pod in pods(sandbox, namespace)] == ["Running"], what="Running")
    pod = pods(sandbox, namespace)[0]
    name = pod["metadata"]["name"]
    assert not is_ready(pod)
    patch = json.dumps({"status": {"conditions": [{"type": gate, "status": "True"}]}})
    kubectl(sandbox, "-n", namespace, "patch", "pod", name, "--subresource=status", "-p", patch)
    before = until_ready(sandbox, namespace, 1)[0]["status"]["containerStatuses"][0]
    kubectl(sandbox, "-n", namespace, "set", "image", f"pod/{name}", "web=web:v2")

    def restarted() -> bool:
        status = pods(sandbox, namespace)[0]["status"]["containerStatuses"][0]
        return bool(status["ready"] and status["restartCount"] == 1 and status["imageID"] != before["imageID"])

    until_true(restarted, what="the container with the new image")
    assert fetch(sandbox, pods(sandbox, namespace)[0]["status"]["podIP"]).startswith("version v2")


def test_a_deleted_pod_serves_on_while_it_drains(sandbox: SandboxState, namespace: str) -> None:
    apply(sandbox, namespace, deployment("web:v1_drain-4"))
    pod = until_ready(sandbox, namespace, 1)[0]
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]
    kubectl(sandbox, "-n", namespace, "delete", "pod", name, "--wait=false")
    assert fetch(sandbox, address).startswith("version v1")
    until_true(
        lambda: name not in [one["metadata"]["name"] for one in pods(sandbox, namespace)],
        within_s=15.0,
        what="the end of the drained pod",
    )
    assert address not in [one["status"].get("podIP") for one in pods(sandbox, namespace)]


async def test_a_rolling_update_under_load_loses_no_request(sandbox: SandboxState, namespace: str) -> None:
    host = f"{namespace}.example"
    await asyncio.to_thread(_expose, sandbox, namespace, host)
    run = LoadRun(Plan(url=sandbox.proxy_url, rate_per_s=100.0, host_header=host))
    running = asyncio.create_task(run.run())
    await asyncio.to_thread(apply, sandbox, namespace, deployment("web:v2", replicas=6))
    arguments = ("-n", namespace, "rollout", "status", "deployment/web", "--timeout=30s")
    await asyncio.to_thread(kubectl, sandbox, *arguments)
    await asyncio.to_thread(until_true, lambda: run.totals.versions["v2"].ok > 300, within_s=20.0)
    run.stop()
    summary = await running
    assert summary.lost == {}
    assert summary.versions["v1"].ok > 0


def _expose(sandbox: SandboxState, namespace: str, host: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {
            "parentRefs": [{"name": "tidegate", "namespace": "projectcontour"}],
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }
    for manifest in (deployment("web:v1", replicas=6), json.dumps(service), json.dumps(route)):
        apply(sandbox, namespace, manifest)
    until_ready(sandbox, namespace, 6)
    until_true(lambda: asyncio.run(_answers(sandbox, host)), within_s=20.0, what="the route")


async def _answers(sandbox: SandboxState, host: str) -> bool:
    plan = Plan(url=sandbox.proxy_url, rate_per_s=20.0, duration_s=0.3, host_header=host)
    summary = await LoadRun(plan).run()
    return summary.lost_total == 0 and summary.ok_total == summary.sent

"""Metrics of pods by name, and pod health, on what a real kube-state-metrics says of a real API server's pods.

It is made once in the sandbox's cache, which takes some minutes: `make test-thorough` plays this. What the kubelet
itself exports of containers (CPU, memory) is not to be had without one.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from support.metric_servers import running
from support.prometheus import PrometheusProcess, prometheus_server
from support.sandbox import kubectl

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.built_in import written_out
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Subject
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState
from tidegate_sandbox.toolchain import ensure

pytestmark = [pytest.mark.sandbox, pytest.mark.thorough, pytest.mark.timeout(900)]  # for the first build

ALLOWED_LABELS: Final = "--metric-labels-allowlist=pods=[pod-template-hash]"
"""As deploy/prometheus/README.md asks for it."""

COPIED_EACH_S: Final = 0.1
SEEN_WITHIN_S: Final = 30.0
KILLED: Final = "5d8f"
"""The revision of the pod that was killed for want of memory."""


@asynccontextmanager
async def _kube_state_metrics(sandbox: SandboxState, directory: Path) -> AsyncIterator[str]:
    port, own_port = free_port(), free_port()
    command = [
        str(ensure({"kube-state-metrics"}).kube_state_metrics),
        f"--kubeconfig={sandbox.kubeconfig_directory / 'admin.yaml'}",
        "--resources=pods",
        ALLOWED_LABELS,
        *("--host=127.0.0.1", f"--port={port}", "--telemetry-host=127.0.0.1", f"--telemetry-port={own_port}"),
    ]
    async with running(command, directory, f"http://127.0.0.1:{port}", "/metrics") as url:
        yield url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusProcess]:
    with prometheus_server(tmp_path_factory.mktemp("prometheus")) as made:
        yield made


async def _copy(url: str, server: PrometheusProcess) -> None:
    """What kube-state-metrics says now is what is scraped next."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/metrics") as answer:
                server.exporter.page = await answer.text()
            await asyncio.sleep(COPIED_EACH_S)


@pytest.fixture
async def measurer(sandbox: SandboxState, server: PrometheusProcess, tmp_path: Path) -> AsyncIterator[Measurer]:
    async with (
        _kube_state_metrics(sandbox, tmp_path) as url,
        Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": server.url}) as provider,
    ):
        copying = asyncio.create_task(_copy(url, server))
        yield Measurer({"prometheus": provider}, SystemClock())
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)


def _deployment(sandbox: SandboxState, namespace: str, tag: str) -> None:
    labels = {"app": tag.partition("_")[0]}
    container = {"name": "web", "image": f"registry.example/web:{tag}", "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": labels["app"]}, "spec": spec}
    kubectl(sandbox, "apply", "-n", namespace, "-f", "-", manifest=json.dumps(made))


def _pods(sandbox: SandboxState, namespace: str, app: str) -> list[dict[str, Any]]:
    found = json.loads(kubectl(sandbox, "get", "pods", "-n", namespace, "-l", f"app={app}", "-o", "json"))
    return list(found["items"])


def _true_numbers(pods: list[dict[str, Any]]) -> dict[str, float]:
    """What the API server itself says."""
    conditions = [each for pod in pods for each in pod["status"].get("conditions", []) if each["type"] == "Ready"]
    restarts = [each["restartCount"] for pod in pods for each in pod["status"].get("containerStatuses", [])]
    ready = sum(each["status"] == "True" for each in conditions)
    return {"restarts": sum(restarts), "ready": 100 * ready / len(pods) if pods else -1, "oom-kills": 0}


async def _measured(measurer: Measurer, namespace: str, revision: str) -> dict[str, Any]:
    subject = Subject(namespace=namespace, workload="web", stable_revision="none", revision=revision)
    found = {}
    for metric in ("restarts", "ready", "oom-kills"):
        check = written_out(Check(name="it", metric=metric, maximum=1.0))  # type: ignore[arg-type]
        assert measurer.fault(check, subject) is None
        found[metric] = (await measurer.measure(check, subject, time.time() - 60)).reading
    return found


async def test_each_number_is_the_api_servers_own(sandbox: SandboxState, namespace: str, measurer: Measurer) -> None:
    for tag in ("good", "bad_crash-1"):
        _deployment(sandbox, namespace, tag)
    async with asyncio.timeout(SEEN_WITHIN_S):
        for app, least_restarts in (("good", 0), ("bad", 2)):
            while True:
                pods = await asyncio.to_thread(_pods, sandbox, namespace, app)
                wanted = _true_numbers(pods)
                if len(pods) == 2 and wanted["restarts"] >= least_restarts:
                    found = await _measured(measurer, namespace, pods[0]["metadata"]["labels"]["pod-template-hash"])
                    if found == wanted and (app == "bad" or wanted["ready"] == 100):
                        break
                await asyncio.sleep(COPIED_EACH_S)


async def test_a_container_killed_for_want_of_memory_is_counted(
    sandbox: SandboxState, namespace: str, measurer: Measurer
) -> None:
    """No pod of the sandbox is ever killed like that: on a node that nobody plays, we say what its kubelet would."""
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"pod-template-hash": KILLED}},
        "spec": {"nodeName": "elsewhere", "containers": [{"name": "web", "image": "registry.example/web:v1"}]},
    }
    kubectl(sandbox, "apply", "-n", namespace, "-f", "-", manifest=json.dumps(made))
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": None, "finishedAt": None}
    status = {
        "name": "web",
        "image": "registry.example/web:v1",
        "imageID": "",
        "ready": False,
        "restartCount": 1,
        "lastState": {"terminated": ended},
    }
    patch = json.dumps({"status": {"containerStatuses": [status]}})
    kubectl(sandbox, "patch", "pod", "web", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    async with asyncio.timeout(SEEN_WITHIN_S):
        while (await _measured(measurer, namespace, KILLED))["oom-kills"] != 1:  # noqa: ASYNC110
            await asyncio.sleep(COPIED_EACH_S)

"""Built-in pod health on a real cluster's Prometheus: the podlet exports what kube-state-metrics would."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import kubectl, until_true

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.rollout import PodHealth
from tidegate_metrics_analyzer import judge, pod_health
from tidegate_metrics_analyzer.judge import Progress
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Subject
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


def deployment(tag: str, replicas: int = 3) -> str:
    labels = {"app": tag.partition("_")[0]}
    container = {"name": "web", "image": f"registry.example/web:{tag}", "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return json.dumps(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": labels["app"]}, "spec": spec}
    )


def pod_hash(sandbox: SandboxState, namespace: str, app: str) -> str:
    def items() -> list[dict[str, Any]]:
        found = json.loads(kubectl(sandbox, "get", "pods", "-n", namespace, "-l", f"app={app}", "-o", "json"))
        return list(found["items"])

    until_true(items, what=f"pods of {app}")
    return str(items()[0]["metadata"]["labels"]["pod-template-hash"])


async def judged(sandbox: SandboxState, subject: Subject, enough: Callable[[dict[str, str | None]], bool]) -> None:
    """Measures until the verdicts by check are as wanted; fails when that takes too long."""
    checks = pod_health.checks(PodHealth())
    progress = {check.name: Progress() for check in checks}
    verdicts: dict[str, str | None] = {}
    async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": sandbox.prometheus_url}) as provider:
        measurer = Measurer({"prometheus": provider}, SystemClock())
        deadline_s = time.monotonic() + 30
        while not enough(verdicts):
            assert time.monotonic() < deadline_s, (verdicts, progress)
            await asyncio.sleep(0.3)
            for check in checks:
                reading = (await measurer.measure(check, subject, time.time() - 60)).reading
                progress[check.name] = judge.absorb(check, progress[check.name], reading, time.time())
                verdicts[check.name] = judge.verdict_of_check(check, progress[check.name])


async def test_healthy_pods_pass_and_a_crash_loop_fails(sandbox: SandboxState, namespace: str) -> None:
    for tag in ("good", "bad_crash-1"):
        kubectl(sandbox, "apply", "-n", namespace, "-f", "-", manifest=deployment(tag))
    good, bad = (
        Subject(namespace=namespace, workload=app, stable_revision="none", revision=pod_hash(sandbox, namespace, app))
        for app in ("good", "bad")
    )
    await judged(sandbox, bad, lambda verdicts: verdicts.get("pod_restarts") == "fail")
    await judged(sandbox, good, lambda verdicts: set(verdicts.values()) == {"pass"})

"""Metrics by name on a real Prometheus that scrapes what each proxy and the kubelet export: each its number."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from support.prometheus import PrometheusProcess, prometheus_server

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.built_in import POD_METRICS, REQUEST_METRICS, MetricSource
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.built_in import written_out
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Subject, Unusable

SUBJECT = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="5d8f")
PROXIES = sorted(set(get_args(MetricSource)) - {"pods"})
WATCHED_S = 3.0

LABELS = {
    "contour": ("envoy_cluster_upstream_rq", 'envoy_cluster_name="shop_web-canary_80"', "envoy_response_code"),
    "envoy": ("envoy_cluster_upstream_rq", 'envoy_cluster_name="httproute/next"', "envoy_response_code"),
    "istio": (
        "istio_requests_total",
        'reporter="destination",destination_workload_namespace="shop",pod_template_hash="5d8f",namespace="shop"',
        "response_code",
    ),
    "nginx": (
        "nginx_ingress_controller_requests",
        'namespace="shop",service="web",canary="shop-web-canary-80"',
        "status",
    ),
    "traefik": ("traefik_service_requests_total", 'service="shop-web-canary-80@kubernetescrd"', "code"),
}
STABLE = {
    "contour": 'envoy_cluster_name="shop_web_80"',
    "istio": 'reporter="destination",destination_workload_namespace="shop",pod_template_hash="7c9b"',
    "nginx": 'namespace="shop",service="web",canary=""',
    "traefik": 'service="shop-web-80@kubernetescrd"',
}
"""Three times as many requests, none of them failed."""

NO_SHARE = ("traffic-share", "envoy")
BUCKETS = {
    "contour": ("envoy_cluster_upstream_rq_time_bucket", (10, 100)),
    "envoy": ("envoy_cluster_upstream_rq_time_bucket", (10, 100)),
    "istio": ("istio_request_duration_milliseconds_bucket", (10, 100)),
    "nginx": ("nginx_ingress_controller_request_duration_seconds_bucket", (0.01, 0.1)),
    "traefik": ("traefik_service_request_duration_seconds_bucket", (0.01, 0.1)),
}


def page(turns: int) -> str:
    """One request in ten fails, half of them take up to 10 ms and the other half up to 100."""
    lines = []
    for source in PROXIES:
        total, labels, code = LABELS[source]
        buckets, limits = BUCKETS[source]
        for status, each in (("200", 8), ("404", 1), ("500", 1)):
            lines.append(f'{total}{{{labels},{code}="{status}"}} {each * turns}')
        if source in STABLE:
            lines.append(f'{total}{{{STABLE[source]},{code}="200"}} {30 * turns}')
        for limit, each in (*zip(limits, (5, 10), strict=True), ("+Inf", 10)):
            lines.append(f'{buckets}{{{labels},le="{limit}"}} {each * turns}')
    for pod, revision, factor in (("a", "5d8f", 1), ("b", "5d8f", 1), ("c", "7c9b", 100)):
        of_pod = f'namespace="shop",pod="{pod}"'
        container = f'{of_pod},container="web"'
        lines += [
            f'kube_pod_labels{{{of_pod},label_pod_template_hash="{revision}"}} 1',
            f'kube_pod_status_ready{{{of_pod},condition="true"}} {int(pod != "b")}',
            f"kube_pod_container_status_restarts_total{{{container}}} {3 * factor}",
            f"container_cpu_cfs_periods_total{{{container}}} {10 * turns}",
            f"container_cpu_cfs_throttled_periods_total{{{container}}} {min(10, 2 * factor) * turns}",
            f'container_cpu_cfs_throttled_periods_total{{{of_pod},container=""}} {10 * turns}',
            f"container_memory_working_set_bytes{{{container}}} {factor * (1_000_000 + turns * 100)}",
        ]
    killed = 'kube_pod_container_status_last_terminated_reason{namespace="shop",pod="%s",container="web",reason="%s"} 1'
    lines += [killed % ("a", "OOMKilled"), killed % ("b", "Error"), killed % ("c", "OOMKilled")]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusProcess]:
    with prometheus_server(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture
async def measured(server: PrometheusProcess) -> dict[tuple[str, str | None], Any]:
    """Each metric of each source, after the exporter has been watched for some seconds."""
    since_s, turns = time.time(), 0
    while time.time() < since_s + WATCHED_S:
        turns += 1
        server.exporter.page = page(turns)
        await asyncio.sleep(0.05)
    every = [(metric, source) for metric in REQUEST_METRICS for source in PROXIES]
    asked: list[tuple[str, str | None]] = [each for each in every if each != NO_SHARE]
    asked += [(metric, None) for metric in POD_METRICS]
    async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": server.url}) as provider:
        measurer = Measurer({"prometheus": provider}, SystemClock())
        found = await asyncio.gather(*(_read(measurer, metric, source, since_s) for metric, source in asked))
    return dict(zip(asked, found, strict=True))


async def _read(measurer: Measurer, metric: str, source: str | None, since_s: float, **more: Any) -> float | Unusable:
    service = "httproute/next" if source == "envoy" else None
    given = {"name": "it", "metric": metric, "source": source, "service": service, "maximum": 1.0} | more
    check = written_out(Check(**given))
    assert measurer.fault(check, SUBJECT) is None
    reading = (await measurer.measure(check, SUBJECT, since_s)).reading
    assert isinstance(reading, float | Unusable)
    return reading


async def test_each_metric_is_the_canarys_own_number(measured: dict[tuple[str, str | None], Any]) -> None:
    requests = {"success-rate": 90, "error-rate": 10, "p50": 10, "p90": 82, "p95": 91, "p99": 98.2}
    expected = {(metric, source): value for metric, value in requests.items() for source in PROXIES}
    expected |= {("traffic-share", source): 25 for source in STABLE}
    expected |= {("ready", None): 50, ("restarts", None): 6, ("oom-kills", None): 1, ("cpu-throttling", None): 20}
    memory = measured.pop(("memory-growth", None))
    assert measured == pytest.approx(expected, rel=0.02)
    assert 2 < memory < 20


async def test_too_few_requests_and_none_at_all_are_in_doubt(server: PrometheusProcess) -> None:
    since_s = time.time() - WATCHED_S
    async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": server.url}) as provider:
        measurer = Measurer({"prometheus": provider}, SystemClock())
        few = await _read(measurer, "success-rate", "istio", since_s, minimum_samples=1e9)
        none = await _read(measurer, "success-rate", "contour", since_s, service="nobody")
    assert isinstance(few, Unusable)
    assert "too few samples" in few.reason
    assert isinstance(none, Unusable)
    assert "no data" in none.reason

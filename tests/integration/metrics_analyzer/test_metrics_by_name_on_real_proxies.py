"""Metrics by name on what real proxies say of real requests: Contour's Envoy and Traefik, by every kind of route.

The canary fails one request in ten and takes 150 ms, the stable version does neither. The numbers have to be those that
whoever sent the requests saw, and each has to be of the one version that it is asked of.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import msgspec
import pytest
from support.sandbox import up_for_a_while
from support.traefik import INGRESS_ROUTES, TRAEFIK_SERVICES, ingress, ingress_route, traefik_service
from support.traffic import QUICK, TrafficRig, http_proxy, route, service, traffic_rig
from support.until import POLL_PERIOD_S

from tidegate_chassis.clock import SystemClock
from tidegate_chassis.kubernetes.resources import HTTP_PROXIES, HTTP_ROUTES, INGRESSES, SERVICES, Resource
from tidegate_contracts.built_in import REQUEST_METRICS
from tidegate_contracts.facts import TrafficShifted
from tidegate_contracts.rollout import Check, TrafficReference
from tidegate_metrics_analyzer.built_in import written_out
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Subject, Unusable
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.thorough, pytest.mark.timeout(240)]

SHARE_PERCENT: Final = 40
ERROR_PERCENT: Final = 10
CANARY: Final = f"{QUICK}_errors-{ERROR_PERCENT}_latency-150"
RATE_PER_S: Final = 200.0
WATCHED_S: Final = 12.0
SCRAPED_WITHIN_S: Final = 20.0
BUCKET_MS: Final = {"contour": (100, 250), "envoy": (100, 250), "traefik": (100, 300)}
"""The one of the proxy's histogram that the canary's durations fall into: all that its quantiles can tell."""

SERVICES_NAMED: Final = {"ingress-nginx": "web-web-canary"}
"""Traefik's name for it has the Ingress' in front."""

ROUTES: Final = {
    "gateway-http-route": ("contour", HTTP_ROUTES),
    "contour-http-proxy": ("contour", HTTP_PROXIES),
    "traefik-ingress-route": ("traefik", INGRESS_ROUTES),
    "traefik-service": ("traefik", INGRESS_ROUTES),
    "ingress-nginx": ("traefik", INGRESSES),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxState]:
    for state in up_for_a_while(including=("traefik",), without=("nats",)):
        address = state.traefik_admin_url_inside.removeprefix("http://")
        (state.prometheus_targets_directory / "traefik.json").write_text(json.dumps([{"targets": [address]}]))
        yield state


@pytest.fixture
async def rig(sandbox: SandboxState, namespace: str) -> AsyncIterator[TrafficRig]:
    async with traffic_rig(sandbox, namespace) as made:
        yield made


def _made(router: str, host: str) -> list[tuple[Resource, dict[str, Any]]]:
    if router == "traefik-service":
        by_service = ingress_route("web", host, {"kind": "TraefikService", "name": "web"})
        return [(TRAEFIK_SERVICES, traefik_service()), (INGRESS_ROUTES, by_service)]
    plain = {"name": "web", "port": 80}
    makers = {
        "gateway-http-route": lambda: route(host),
        "contour-http-proxy": lambda: http_proxy(host),
        "traefik-ingress-route": lambda: ingress_route("web", host, plain),
        "ingress-nginx": lambda: ingress(host),
    }
    return [(ROUTES[router][1], makers[router]())]


async def _shared(rig: TrafficRig, router: str) -> None:
    """Both versions behind the route, the canary with its share."""
    await rig.admin.create(SERVICES, rig.namespace, service())
    await rig.run_pods("v1", 2)
    await rig.run_pods("v2", 2, CANARY)
    for resource, manifest in _made(router, rig.host):
        await rig.admin.create(resource, rig.namespace, manifest)
    if ROUTES[router][0] == "traefik":
        rig.door_url = rig.sandbox.traefik_url
    traffic = (TrafficReference(route="web", service="web", router=router, grace_s=0.5),)
    await rig.obey(rig.shift(0, canary=None, traffic=traffic), TrafficShifted)
    await rig.obey(rig.shift(SHARE_PERCENT, canary_pods=2, traffic=traffic), TrafficShifted, within_s=20.0)


class _Asked(msgspec.Struct):
    measurer: Measurer
    subject: Subject
    since_s: float

    async def read(self, metric: str, source: str, service: str | None = None) -> float:
        reading = await self.reading(metric, source, service)
        assert isinstance(reading, float), (metric, source, reading)
        return reading

    async def reading(self, metric: str, source: str, service: str | None = None) -> Any:
        given: Any = {"name": "it", "metric": metric, "source": source, "service": service, "maximum": 1.0}
        check = written_out(Check(**given))
        assert self.measurer.fault(check, self.subject) is None
        return (await self.measurer.measure(check, self.subject, self.since_s)).reading

    async def begin(self, source: str, service: str | None) -> None:
        """Once the canary's answers are scraped: what a counter had before its first sample is in no rate."""
        async with asyncio.timeout(SCRAPED_WITHIN_S):
            while True:
                failing = await self.reading("error-rate", source, service)
                if isinstance(failing, float) and failing > 0:
                    break
                await asyncio.sleep(POLL_PERIOD_S)
        self.since_s = time.time()


@pytest.mark.parametrize("router", ROUTES)
async def test_each_metric_is_what_was_seen_of_its_version(rig: TrafficRig, router: str) -> None:
    source, canary = ROUTES[router][0], SERVICES_NAMED.get(router)
    await _shared(rig, router)
    subject = Subject(
        namespace=rig.namespace, workload="web", stable_revision=rig.revisions["v1"], revision=rig.revisions["v2"]
    )
    async with (
        Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": rig.sandbox.prometheus_url}) as provider,
        rig.loaded(RATE_PER_S, lossless=False),
    ):
        asked = _Asked(Measurer({"prometheus": provider}, SystemClock()), subject, time.time())
        await asked.begin(source, canary)
        await asyncio.sleep(WATCHED_S)  # the time itself is what the metrics are of
        found = {metric: await asked.read(metric, source, canary) for metric in REQUEST_METRICS}
        stable = [await asked.read(metric, source, "web") for metric in ("error-rate", "p99") if canary is None]
        if source == "contour":
            cluster = f"{rig.namespace}_web-canary_80"
            by_cluster = {each: await asked.read(each, "envoy", cluster) for each in ("error-rate", "p99")}
            assert by_cluster == pytest.approx({each: found[each] for each in by_cluster}, rel=0.05)
    assert found["error-rate"] == pytest.approx(ERROR_PERCENT, abs=1.5)
    assert found["success-rate"] == pytest.approx(100 - ERROR_PERCENT, abs=1.5)
    assert found["traffic-share"] == pytest.approx(SHARE_PERCENT, abs=2.5)
    low, high = BUCKET_MS[source]
    for quantile in ("p50", "p90", "p95", "p99"):
        assert low < found[quantile] <= high, found
    assert all(value <= limit for value, limit in zip(stable, (0, low), strict=False)), stable


async def test_a_version_without_requests_is_in_doubt(rig: TrafficRig) -> None:
    subject = Subject(namespace=rig.namespace, workload="web", stable_revision="a", revision="b")
    async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": rig.sandbox.prometheus_url}) as provider:
        measurer = Measurer({"prometheus": provider}, SystemClock())
        for source in ("contour", "traefik"):
            check = written_out(Check(name="it", metric="error-rate", source=source, maximum=1.0))  # type: ignore[arg-type]
            reading = (await measurer.measure(check, subject, time.time() - WATCHED_S)).reading
            assert isinstance(reading, Unusable)
            assert "no data" in reading.reason

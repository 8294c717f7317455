"""The analyzer on a real Prometheus that scrapes a real exporter: what it measures, and what it refuses to measure."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from support.prometheus import PrometheusProcess, prometheus_server
from support.standing import concluded
from support.templates import TemplateShelf, metric, template
from support.until import until

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check, PodHealth
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer import template_past
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.past import PastClock
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.template_run import TemplateRun

DOCUMENTED = Path(__file__).resolve().parents[3] / "deploy" / "prometheus"
SUBJECT = Subject(namespace="shop", workload="web.v1", stable_revision="7c9b", revision="5d8f")
BY_TEMPLATE = Analysis(templates=(TemplateReference(name="then"),))
ERROR_RATIO = (
    'sum(rate(http_requests_total{namespace="{{namespace}}",revision="{{revision}}",code=~"5.."}[{{window}}]))'
    ' / sum(rate(http_requests_total{namespace="{{namespace}}",revision="{{revision}}"}[{{window}}]))'
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusProcess]:
    with prometheus_server(tmp_path_factory.mktemp("prometheus"), DOCUMENTED / "tidegate.rules.yml") as running:
        yield running


@pytest.fixture
async def measurer(server: PrometheusProcess) -> AsyncIterator[Measurer]:
    environment = {"TIDEGATE_PROMETHEUS_URL": server.url, "TIDEGATE_PROMETHEUS_TIMEOUT_S": "1"}
    async with Prometheus.opened(environment) as provider:
        yield Measurer({"prometheus": provider}, SystemClock())


class Traffic:
    """An exporter's counters that grow with time, as pods' do."""

    def __init__(self, server: PrometheusProcess) -> None:
        self._server = server
        self.per_scrape: dict[tuple[str, str], int] = {}
        self.totals: dict[tuple[str, str], int] = {}

    async def flow(self) -> None:
        while True:
            for key, requests in self.per_scrape.items():
                self.totals[key] = self.totals.get(key, 0) + requests
            self._server.exporter.page = "".join(
                f'http_requests_total{{namespace="shop",revision="{revision}",code="{code}"}} {total}\n'
                for (revision, code), total in self.totals.items()
            )
            await asyncio.sleep(0.1)


@pytest.fixture
async def traffic(server: PrometheusProcess) -> AsyncIterator[Traffic]:
    it = Traffic(server)
    flowing = asyncio.create_task(it.flow())
    yield it
    flowing.cancel()
    await asyncio.gather(flowing, return_exceptions=True)


def check(query: str, **changes: object) -> Check:
    given = {"name": "it", "query": query, "interval_s": 0.1, "inconclusive_limit": 20} | changes
    return Check(**given)  # type: ignore[arg-type]


async def verdict_on(measurer: Measurer, analysis: Analysis, subject: Subject = SUBJECT) -> AnalysisConcluded:
    order = Analyse(
        rollout="r",
        revision=1,
        workload=WorkloadReference(name="web.v1"),
        step=1,
        stable_revision="7c9b",
        canary_revision="5d8f",
        step_analysis=analysis,
        since_s=time.time(),
        deadline_s=20,
    )
    return await concluded(order, subject, measurer, within_s=30)


async def test_a_good_version_passes_on_its_own_error_ratio(measurer: Measurer, traffic: Traffic) -> None:
    traffic.per_scrape = {("5d8f", "200"): 100, ("5d8f", "500"): 1, ("7c9b", "500"): 100}
    fact = await verdict_on(measurer, Analysis(checks=(check(ERROR_RATIO, maximum=0.05),)))
    assert fact.verdict == "pass", fact
    (found,) = fact.measurements
    assert 0 < (found.values[-1] or 0) < 0.05
    assert 'namespace="shop",revision="5d8f"' in found.query


async def test_a_bad_version_fails(measurer: Measurer, traffic: Traffic) -> None:
    traffic.per_scrape = {("5d8f", "200"): 90, ("5d8f", "500"): 10, ("7c9b", "200"): 100}
    fact = await verdict_on(measurer, Analysis(checks=(check(ERROR_RATIO, maximum=0.05),)))
    assert fact.verdict == "fail", fact
    assert fact.measurements[0].values[-1] == pytest.approx(0.1, abs=0.03)


async def test_errors_from_before_the_step_do_not_count(measurer: Measurer, traffic: Traffic) -> None:
    traffic.per_scrape = {("5d8f", "200"): 100, ("5d8f", "500"): 100}
    await until(lambda: traffic.totals.get(("5d8f", "500"), 0) >= 1500, within_s=10)
    traffic.per_scrape = {("5d8f", "200"): 100, ("5d8f", "500"): 0}
    await asyncio.sleep(0.5)  # the scrapes that still carry the last errors
    fact = await verdict_on(measurer, Analysis(checks=(check(ERROR_RATIO, maximum=0.0, window_s=60.0),)))
    assert fact.verdict == "pass", fact


async def test_a_version_without_requests_is_inconclusive(measurer: Measurer, traffic: Traffic) -> None:
    traffic.per_scrape = {("5d8f", "200"): 0, ("5d8f", "500"): 0, ("7c9b", "200"): 100}
    fact = await verdict_on(measurer, Analysis(checks=(check(ERROR_RATIO, maximum=0.05),)))
    assert fact.verdict == "inconclusive"
    assert "NaN" in fact.reason


async def test_too_few_requests_are_inconclusive(measurer: Measurer, traffic: Traffic) -> None:
    traffic.per_scrape = {("5d8f", "200"): 1, ("5d8f", "500"): 0}
    counted = check(
        ERROR_RATIO,
        maximum=0.05,
        minimum_samples_query='sum(increase(http_requests_total{revision="{{revision}}"}[{{window}}]))',
        minimum_samples=10_000,
    )
    fact = await verdict_on(measurer, Analysis(checks=(counted,)))
    assert fact.verdict == "inconclusive"
    assert "too few samples" in fact.reason


UNUSABLE = {
    "no_such_series": "no data",
    "several": "2 series",
    "not_a_number": "NaN",
    "endless": "not finite",
    "enormous": "not finite",
    "old": "stale",
    "old * 1": "stale",
    "sum(old) + sum(fresh)": "stale",
    'of_another{namespace="other"}': "another namespace",
    "of_stable": "another revision",
    '"text"': "no instant vector",
    "fresh[1s]": "no instant vector",
    "fresh{": "bad_data",
    "fresh * on() several": "execution",
}


async def test_what_cannot_be_judged_is_inconclusive(server: PrometheusProcess, measurer: Measurer) -> None:
    before_s = time.time() - 30
    server.exporter.page = (
        'fresh 1\nseveral{a="1"} 1\nseveral{a="2"} 1\nnot_a_number NaN\nendless +Inf\nenormous 1e308\n'
        f'old 1 {before_s * 1000:.0f}\nof_another{{namespace="other"}} 1\nof_stable{{revision="7c9b"}} 1\n'
    )
    checks = tuple(
        check(query, name=query, minimum=0.0, window_s=10.0, inconclusive_limit=5, count=1000) for query in UNUSABLE
    )
    fact = await verdict_on(measurer, Analysis(checks=checks))
    assert fact.verdict == "inconclusive"
    for found in fact.measurements:
        assert (found.verdict, UNUSABLE[found.check] in found.reason) == ("inconclusive", True), found


async def test_fresh_values_pass(server: PrometheusProcess, measurer: Measurer) -> None:
    server.exporter.page = "fresh 1\n"
    queries = ("fresh", "scalar(fresh)", "max_over_time(fresh[{{window}}])", "sum(fresh) or no_such_series")
    checks = tuple(check(query, name=query, minimum=1.0, maximum=1.0) for query in queries)
    fact = await verdict_on(measurer, Analysis(checks=checks))
    assert fact.verdict == "pass", fact


async def test_a_series_that_ended_is_missing_soon(server: PrometheusProcess, measurer: Measurer) -> None:
    server.exporter.page = "ending 1\n"
    assert (await verdict_on(measurer, Analysis(checks=(check("ending", minimum=1.0),)))).verdict == "pass"
    server.exporter.page = ""
    await scraped(server)
    fact = await verdict_on(measurer, Analysis(checks=(check("ending", minimum=1.0),)))
    assert fact.verdict == "inconclusive"


def pods(namespace: str, *, restarts: int = 0, ready: int = 1, revision: str = "5d8f", name: str = "new") -> str:
    lines = []
    for number, pod_ready in ((1, 1), (2, ready)):
        pod = f'namespace="{namespace}",pod="{name}-{number}"'
        lines.append(f'kube_pod_labels{{{pod},label_pod_template_hash="{revision}"}} 1')
        lines.append(f'kube_pod_status_ready{{{pod},condition="true"}} {pod_ready}')
        lines.append(f'kube_pod_status_ready{{{pod},condition="false"}} {1 - pod_ready}')
        restarted = restarts if number > 1 else 0
        lines.append(f'kube_pod_container_status_restarts_total{{{pod},container="app"}} {restarted}')
    return "\n".join(lines) + "\n"


HEALTHS = {
    "sick-stable": (PodHealth(), "all of 2 checks passed"),
    "restarted": (PodHealth(), "pod_restarts: 2 measurements in a row were not at most 0"),
    "restart-allowed": (PodHealth(restarts_maximum=1), "all of 2 checks passed"),
    "half-ready": (PodHealth(), "pod_readiness: 5 measurements in a row were not at least 100"),
    "half-ready-allowed": (PodHealth(ready_minimum_percent=50), "all of 2 checks passed"),
}


async def test_pod_health_is_judged_on_the_new_revisions_pods_alone(
    server: PrometheusProcess, measurer: Measurer
) -> None:
    server.exporter.page = (
        pods("sick-stable")
        + pods("sick-stable", restarts=9, ready=0, revision="7c9b", name="old")
        + pods("restarted", restarts=1)
        + pods("restart-allowed", restarts=1)
        + pods("half-ready", ready=0)
        + pods("half-ready-allowed", ready=0)
    )
    await scraped(server)

    async def judged(namespace: str, health: PodHealth, reason: str) -> None:
        subject = msgspec.structs.replace(SUBJECT, namespace=namespace)
        fact = await verdict_on(measurer, Analysis(pod_health=health), subject)
        assert fact.verdict == ("pass" if "passed" in reason else "fail"), fact
        assert reason in fact.reason

    await asyncio.gather(*(judged(namespace, *told) for namespace, told in HEALTHS.items()))


async def test_a_server_that_hangs_is_waited_for_and_used_again(server: PrometheusProcess, measurer: Measurer) -> None:
    server.exporter.page = "fresh 1\n"
    server.pause()
    resuming = asyncio.get_running_loop().call_later(2.5, server.resume)
    fact = await verdict_on(measurer, Analysis(checks=(check("fresh", minimum=1.0),)))
    assert resuming.cancelled() is False
    assert fact.verdict == "pass", fact
    assert fact.measurements[0].inconclusive >= 1


async def test_a_template_is_measured_as_of_the_past(server: PrometheusProcess) -> None:
    shelf = TemplateShelf(then=template(metric(query="version", successCondition="result[0] == 1")))
    verdicts = []
    async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": server.url}) as provider:
        moments_s = [await shown_version(server, version) for version in (1, 2)]
        for at_s in moments_s:
            run = TemplateRun(BY_TEMPLATE, SUBJECT, WorkloadReference(name="web"), at_s, must_end=False)
            clock = PastClock(at_s)
            measurer = Measurer({"prometheus": provider}, clock, shelf)
            assert await template_past.measure(run, measurer, clock, at_s, lambda: None)
            verdicts.append(run.verdict())
    assert verdicts == ["pass", "fail"]


async def shown_version(server: PrometheusProcess, version: int) -> float:
    """When it was in the server, for certain."""
    server.exporter.page = f"version {version}\n"
    await scraped(server)
    return time.time()


async def test_a_dead_server_is_inconclusive(server: PrometheusProcess, tmp_path: Path) -> None:
    assert server.url
    with prometheus_server(tmp_path) as dead:
        dead.stop()
        async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": dead.url}) as provider:
            measurer = Measurer({"prometheus": provider}, SystemClock())
            judged = check("up", minimum=1.0, inconclusive_limit=1)
            fact = await verdict_on(measurer, Analysis(checks=(judged,)))
    assert fact.verdict == "inconclusive"
    assert "5 measurements in a row had no answer: Prometheus could not be asked" in fact.reason
    assert (fact.measurements[0].measured, fact.measurements[0].errors) == (5, 5)


async def test_the_alerts_on_tidegate_itself_are_accepted(server: PrometheusProcess) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/api/v1/rules") as answer:
        groups = (await answer.json())["data"]["groups"]
    assert [rule["name"] for group in groups for rule in group["rules"]] != []
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}


def documented_queries() -> list[str]:
    text = (DOCUMENTED / "README.md").read_text()
    (block,) = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    return [query for query in re.split(r"(?m)^#.*\n", block) if query.strip()]


@pytest.mark.parametrize("query", documented_queries())
async def test_the_documented_queries_can_be_asked(measurer: Measurer, query: str) -> None:
    assert measurer.fault(check(query), SUBJECT) is None
    reading = (await measurer.measure(check(query), SUBJECT, time.time() - 10)).reading
    assert isinstance(reading, float) or "no data" in reading.reason


async def scraped(server: PrometheusProcess) -> None:
    """Until the exporter's present page is in the server: the second scrape from now began after it was written."""
    before = server.exporter.scrapes
    await until(lambda: server.exporter.scrapes >= before + 3, within_s=10, what="three scrapes")

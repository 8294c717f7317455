"""Providers on the servers that they are for: VictoriaMetrics as a Prometheus, InfluxDB by its two languages, Graphite.

Each is made once in the sandbox's cache, which takes some minutes: `make test-thorough` plays this.
"""

import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from support.metric_servers import graphite, influxdb, victoria_metrics

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.comparison import Judged
from tidegate_metrics_analyzer.measure import Measured, Measurer
from tidegate_metrics_analyzer.providers.graphite import Graphite
from tidegate_metrics_analyzer.providers.influxdb import InfluxDB
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Reading, Subject, Unusable, Value

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.timeout(900),  # for the first build
    pytest.mark.asyncio(loop_scope="module"),
]
SUBJECT = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="5d8f")
LONG_AGO_S = 600.0
STORED_S = 120
"""So many seconds of samples are there, one each second."""


async def _measured(measurer: Measurer, check: Check) -> Measured:
    assert measurer.fault(check, SUBJECT) is None
    return await measurer.measure(check, SUBJECT, time.time() - LONG_AGO_S)


async def _reading(measurer: Measurer, check: Check) -> Reading:
    reading = (await _measured(measurer, check)).reading
    assert not isinstance(reading, Judged)
    return reading


def _doubt(reading: Reading) -> str:
    assert isinstance(reading, Unusable), reading
    return reading.reason


async def _post(url: str, body: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=body.encode()) as answer:
        assert answer.ok, await answer.text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def victoria(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Measurer]:
    """5 % errors of the new revision, none of the stable one, and twice the latency."""
    async with victoria_metrics(tmp_path_factory.mktemp("victoria")) as url:
        now_s = int(time.time())
        lines = []
        for second in range(STORED_S):
            at_ms = (now_s - STORED_S + second) * 1000
            for revision, failing, latency in (("5d8f", 5, 0.2), ("7c9b", 0, 0.1)):
                of = f'namespace="shop",revision="{revision}"'
                lines += [
                    f'requests_total{{{of},code="200"}} {second * (100 - failing)} {at_ms}',
                    f'requests_total{{{of},code="500"}} {second * failing} {at_ms}',
                    f"latency_seconds{{{of}}} {latency + second % 7 / 1000} {at_ms}",
                ]
        await _post(f"{url}/api/v1/import/prometheus", "\n".join(lines) + "\n")
        await _post(f"{url}/internal/force_flush", "")
        async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": url}) as provider:
            yield Measurer({"prometheus": provider}, SystemClock())


def _errors(**changes: object) -> Check:
    of_it = 'namespace="{{namespace}}",revision="{{revision}}"'
    failed = f'sum(rate(requests_total{{{of_it},code="500"}}[{{{{window}}}}]))'
    query = f"100 * {failed} / sum(rate(requests_total{{{of_it}}}[{{{{window}}}}]))"
    check = Check(name="errors", query=query, maximum=1.0, window_s=60.0)
    return msgspec.structs.replace(check, **changes)


async def test_victoria_metrics_answers_as_a_prometheus(victoria: Measurer) -> None:
    counted = "sum(increase(requests_total{revision='{{revision}}'}[{{window}}]))"
    reading = await _reading(victoria, _errors(minimum_samples_query=counted, minimum_samples=1000))
    assert reading == pytest.approx(5.0, abs=0.01)
    few = await _reading(victoria, _errors(minimum_samples_query=counted, minimum_samples=1e9))
    assert "too few samples" in _doubt(few)


async def test_what_victoria_metrics_has_no_series_of_is_in_doubt(victoria: Measurer) -> None:
    assert "no data" in _doubt(await _reading(victoria, _errors(query="sum(nothing{revision='{{revision}}'})")))
    assert "series" in _doubt(await _reading(victoria, _errors(query="rate(requests_total[{{window}}])")))
    assert "422" in _doubt(await _reading(victoria, _errors(query="sum(")))


async def test_victoria_metrics_tells_how_old_a_series_is(victoria: Measurer) -> None:
    """It answers with a sample that is minutes old, as Prometheus does: its own stamp is asked for."""
    latency = 'latency_seconds{revision="{{revision}}"}'
    assert await _reading(victoria, _errors(query=latency, window_s=300.0)) == pytest.approx(0.2, abs=0.01)
    later = await victoria.measure(_errors(query=latency, window_s=1.0), SUBJECT, time.time() - LONG_AGO_S)
    assert not isinstance(later.reading, Judged)
    assert "stale" in _doubt(later.reading)


async def test_revisions_are_compared_on_victoria_metrics(victoria: Measurer) -> None:
    """Over the samples of one minute, pair by pair."""
    compare = Comparison(direction="increase", points=10)
    query = 'avg_over_time(latency_seconds{revision="{{revision}}"}[{{window}}])'
    check = Check(name="latency", query=query, compare=compare, window_s=5.0)
    measured = await victoria.measure(check, SUBJECT, time.time() - 100)
    assert isinstance(measured.reading, Judged), measured.reading
    assert measured.reading.verdict == "fail"


async def test_a_templates_metric_is_measured_on_victoria_metrics(victoria: Measurer) -> None:
    value = await victoria.value("prometheus", 'max_over_time(latency_seconds{revision="5d8f"}[5m])', SUBJECT, 0.0)
    assert isinstance(value, Value)
    assert value.raw == [pytest.approx(0.206)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def influx(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Measurer]:
    async with influxdb(tmp_path_factory.mktemp("influx")) as url:
        await _post(f"{url}/query?q=CREATE+DATABASE+shop", "")
        now_s = int(time.time())
        lines = [
            f"latency,revision={revision} value={value} {(now_s - STORED_S + second) * 10**9}"
            for second in range(STORED_S)
            for revision, value in (("5d8f", 240 + second % 3), ("7c9b", 100))
        ]
        await _post(f"{url}/write?db=shop", "\n".join(lines))
        environment = {"TIDEGATE_INFLUXDB_URL": url, "TIDEGATE_INFLUXDB_ORGANIZATION": "shop"}
        async with InfluxDB.opened(environment) as provider:
            yield Measurer({"influxdb": provider}, SystemClock())


def _latency(language: str, **changes: str) -> Check:
    texts = {
        "flux": 'from(bucket: "shop/autogen") |> range(start: -{{window}}s)'
        ' |> filter(fn: (r) => r._measurement == "latency" and r.revision == "{{revision}}") |> mean()',
        "influxql": "SELECT mean(value) FROM latency WHERE revision = '{{revision}}' AND time > now() - {{window}}s",
    }
    document = {"query": texts[language]} | ({"database": "shop"} if language == "influxql" else {}) | changes
    query = msgspec.json.encode(document).decode()
    return Check(name="latency", query=query, provider="influxdb", maximum=250.0, window_s=300.0)


@pytest.mark.parametrize("language", ["flux", "influxql"])
async def test_influxdb_gives_the_new_revisions_value(influx: Measurer, language: str) -> None:
    assert await _reading(influx, _latency(language)) == pytest.approx(241, abs=0.5)


@pytest.mark.parametrize(
    ("language", "query"),
    [
        ("flux", 'from(bucket: "shop/autogen") |> range(start: -60s) |> filter(fn: (r) => r._measurement == "none")'),
        ("influxql", "SELECT mean(value) FROM none WHERE time > now() - 60s"),
    ],
)
async def test_what_influxdb_has_no_records_of_is_in_doubt(influx: Measurer, language: str, query: str) -> None:
    assert "no data" in _doubt(await _reading(influx, _latency(language, query=query)))


@pytest.mark.parametrize("language", ["flux", "influxql"])
async def test_what_influxdb_refuses_is_in_doubt(influx: Measurer, language: str) -> None:
    assert _doubt(await _reading(influx, _latency(language, query="this is no query"))).startswith("influxdb ")


async def test_a_templates_metric_is_measured_on_influxdb(influx: Measurer) -> None:
    query = msgspec.json.encode({"query": 'from(bucket: "shop/autogen") |> range(start: -1h) |> count()'}).decode()
    value = await influx.value("influxdb", query, SUBJECT, 0.0)
    assert isinstance(value, Value)
    assert value.raw == [STORED_S, STORED_S]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graphs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Measurer]:
    now_s = int(time.time())
    seconds = range(now_s - STORED_S, now_s + 600)  # some are still to come: there is no carbon that writes on
    points = {
        f"stats.shop.web.{revision}.errors": [(at_s, value) for at_s in seconds]
        for revision, value in (("5d8f", 5.0), ("7c9b", 0.0))
    }
    async with (
        graphite(tmp_path_factory.mktemp("graphite"), points) as url,
        Graphite.opened({"TIDEGATE_GRAPHITE_URL": url}) as provider,
    ):
        yield Measurer({"graphite": provider}, SystemClock())


def _target(target: str, window_s: float = 60.0) -> Check:
    query = msgspec.json.encode({"query": f"target={target}&from=-{{{{window}}}}s"}).decode()
    return Check(name="errors", query=query, provider="graphite", maximum=1.0, window_s=window_s)


async def test_graphite_gives_the_new_revisions_value(graphs: Measurer) -> None:
    errors = "sumSeries(stats.{{namespace}}.{{workload}}.{{revision}}.errors)"
    assert await _reading(graphs, _target(errors)) == 5.0


async def test_what_graphite_has_no_series_of_and_several_series_are_in_doubt(graphs: Measurer) -> None:
    assert "no data" in _doubt(await _reading(graphs, _target("stats.{{namespace}}.none.errors")))
    assert "2 series" in _doubt(await _reading(graphs, _target("stats.{{namespace}}.{{workload}}.*.errors")))
    assert "HTTP 400" in _doubt(await _reading(graphs, _target("noFunction(stats.shop.web.5d8f.errors)")))


async def test_a_templates_metric_is_measured_on_graphite(graphs: Measurer) -> None:
    query = msgspec.json.encode({"query": "target=stats.shop.web.5d8f.errors&from=-5s"}).decode()
    value = await graphs.value("graphite", query, SUBJECT, 0.0)
    assert isinstance(value, Value)
    assert value.raw == [5.0] * 5

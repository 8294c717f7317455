"""The analyzer as the process that is shipped, on a real bus: orders in, facts out, through kills and successors."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec
import pytest
from aiohttp import web
from nats.aio.msg import Msg
from support.nats import NatsServer, nats_server, password
from support.until import until

from tidegate_chassis.clock import SystemClock
from tidegate_chassis.connection import Connection
from tidegate_chassis.journal import Journal
from tidegate_chassis.publish import Publisher
from tidegate_contracts import subjects
from tidegate_contracts.codec import AnyEvent, event_decoder, telemetry_decoder
from tidegate_contracts.facts import AnalysisConcluded, AnalysisReleased
from tidegate_contracts.orders import Analyse, ReleaseAnalysis
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_sandbox.ports import free_port

pytestmark = pytest.mark.nats

KEY = WorkloadKey("default", "shop", "deployment.apps", "web")
USER = "metrics-analyzer"
_Fact = TypeVar("_Fact", AnalysisConcluded, AnalysisReleased)


class FakeMetrics:
    """Prometheus' query API with one value for every query, and the queries it was asked."""

    def __init__(self) -> None:
        self.value = 0.0
        self.url = ""
        self.queries: list[str] = []
        self.told: list[str] = []
        """What the requests to `echo` held."""

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.queries.append(str(form["query"]).partition("[")[0])
        result = [{"metric": {}, "value": [float(str(form["time"])), str(self.value)]}]
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return web.Response(text=json.dumps(body))

    async def echo(self, request: web.Request) -> web.Response:
        """A server that may tell everybody what it was told."""
        told = json.dumps({"headers": dict(request.headers), "body": await request.text()})
        self.told.append(told)
        how = request.match_info["how"]
        return web.Response(text=told if how == "back" else '{"ok": 1}', status=500 if how == "error" else 200)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["FakeMetrics"]:
        application = web.Application()
        application.router.add_post("/api/v1/query", self.answer)
        application.router.add_route("*", "/echo/{how:.*}", self.echo)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


class Copy:
    """One analyzer process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.log = log
        self._address = f"http://127.0.0.1:{port}"

    async def is_ready(self) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self._address}/readyz") as answer:
                return answer.status in (200, 204)
        except aiohttp.ClientError:
            return False

    async def metrics(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{self._address}/metrics") as answer:
            return await answer.text()

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class Bench:
    """The bus, the metrics and as many analyzers as a test starts."""

    def __init__(self, server: NatsServer, metrics: FakeMetrics, connection: Connection, directory: Path) -> None:
        self.metrics = metrics
        self.connection = connection
        self.server = server
        self._directory = directory
        self._copies: list[Copy] = []
        self._publisher = Publisher(connection, "orchestrator", SystemClock())
        self._journal = Journal(connection, "orchestrator", SystemClock())

    async def start(self, **more: str) -> Copy:
        port = free_port()
        log = self._directory / f"analyzer-{port}.log"
        environment = os.environ | {
            "TIDEGATE_NATS_URL": self.server.url,
            "TIDEGATE_NATS_USER": USER,
            "TIDEGATE_NATS_PASSWORD": password(USER),
            "TIDEGATE_HTTP_PORT": str(port),
            "TIDEGATE_PROMETHEUS_URL": self.metrics.url,
            **more,
        }
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tidegate_metrics_analyzer"), env=environment, stdout=output, stderr=output
            )
        copy = Copy(process, port, log)
        self._copies.append(copy)
        async with asyncio.timeout(20):
            while not await copy.is_ready():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        return copy

    async def end(self) -> None:
        for copy in self._copies:
            await copy.kill()

    async def order(self, order: Analyse | ReleaseAnalysis) -> None:
        await self._publisher.order(USER, KEY, order, cause="test")

    async def facts(self) -> list[AnyEvent]:
        messages = await self._journal.read(EVENTS, subjects.workload_events(KEY))
        return [event_decoder.decode(message.payload) for message in messages]

    async def concluded(self, revision: int, *, within_s: float = 10.0) -> AnalysisConcluded:
        return await self._fact(AnalysisConcluded, revision, within_s)

    async def released(self, revision: int, *, within_s: float = 10.0) -> AnalysisReleased:
        return await self._fact(AnalysisReleased, revision, within_s)

    async def _fact(self, kind: type[_Fact], revision: int, within_s: float) -> _Fact:
        async with asyncio.timeout(within_s):
            while True:
                for fact in await self.facts():
                    if isinstance(fact, kind) and fact.order_revision == revision:
                        return fact
                await asyncio.sleep(0.05)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(nats_server())
        metrics = await stack.enter_async_context(FakeMetrics().serving())
        connection = await stack.enter_async_context(server.connected("orchestrator"))
        it = Bench(server, metrics, connection, tmp_path)
        stack.push_async_callback(it.end)
        yield it


def analyse(revision: int, *, query: str = "step", count: int = 3, background: bool = False) -> Analyse:
    check = Check(name="errors", query=f"rate({query}[{{{{window}}}}])", maximum=0.05, interval_s=0.1, count=count)
    watched = Check(name="b", query="rate(bg[{{window}}])", maximum=1.0)
    return Analyse(
        rollout="r-1",
        revision=revision,
        workload=WorkloadReference(name="web"),
        step=1,
        stable_revision="7c9b",
        canary_revision="5d8f",
        step_analysis=Analysis(checks=(check,)),
        background_analysis=Analysis(checks=(watched,)) if background else None,
        since_s=time.time(),
    )


async def test_an_order_becomes_a_verdict_and_its_release_ends_the_measuring(bench: Bench) -> None:
    copy = await bench.start()
    await bench.order(analyse(1, background=True))
    fact = await bench.concluded(1)
    assert (fact.verdict, fact.scope, fact.step) == ("pass", "step", 1)
    assert fact.measurements[0].values == (0.0, 0.0, 0.0)
    metrics = await copy.metrics()
    assert 'tidegate_verdicts_total{scope="step",verdict="pass"} 1.0' in metrics
    assert 'tidegate_measurements_total{outcome="in_range",provider="prometheus"}' in metrics
    assert "web" not in metrics

    await bench.order(ReleaseAnalysis(rollout="r-1", revision=2, workload=WorkloadReference(name="web")))
    await bench.released(2)
    asked = len(bench.metrics.queries)
    await asyncio.sleep(1.5)
    assert len(bench.metrics.queries) == asked


async def test_measurements_are_seen_on_the_telemetry_subjects(bench: Bench) -> None:
    seen: list[MetricsMeasured] = []

    async def on_message(message: Msg) -> None:
        telemetry = telemetry_decoder.decode(message.data)
        assert isinstance(telemetry, MetricsMeasured)
        seen.append(telemetry)

    await bench.start()
    async with bench.server.connected("operator") as connection:
        await connection.client.subscribe(subjects.telemetry(KEY, "r-1", USER), cb=on_message)
        await connection.client.flush()
        await bench.order(analyse(1, count=1000))
        await until(lambda: len(seen) >= 2, within_s=10, what="telemetry")
    assert seen[-1].measurements[0].measured > seen[0].measurements[0].measured


async def test_another_copy_takes_a_killed_ones_order_over_and_judges_it(bench: Bench) -> None:
    first = await bench.start()
    await bench.order(analyse(1, count=100_000))
    await until(lambda: len(bench.metrics.queries) >= 3, within_s=10, what="measurements")
    await bench.start()
    await first.kill()
    bench.metrics.value = 0.9
    fact = await bench.concluded(1)
    assert fact.verdict == "fail"


async def test_a_killed_copys_samples_are_its_successors_each_counted_once(bench: Bench) -> None:
    first = await bench.start()
    order = analyse(1, count=12)
    (check,) = order.step_analysis.checks if order.step_analysis is not None else ()
    slow = msgspec.structs.replace(check, interval_s=0.5)
    await bench.order(msgspec.structs.replace(order, step_analysis=Analysis(checks=(slow,))))
    await until(lambda: len(bench.metrics.queries) >= 4, within_s=10, what="measurements")
    await bench.start()
    asked = len(bench.metrics.queries)
    assert asked < 12
    await first.kill()
    fact = await bench.concluded(1, within_s=20)
    (found,) = fact.measurements
    assert (fact.verdict, found.measured, found.values) == ("pass", 12, (0.0,) * 12)
    assert len(bench.metrics.queries) - 12 in (0, 1), "at most the last one was asked for twice, and counted once"


async def test_a_stopped_copy_hands_its_order_over_at_once(bench: Bench) -> None:
    first = await bench.start()
    await bench.order(analyse(1, count=100_000))
    await until(lambda: len(bench.metrics.queries) >= 3, within_s=10, what="measurements")
    await bench.start()
    first.process.terminate()
    assert await first.process.wait() == 0
    bench.metrics.value = 0.9
    assert (await bench.concluded(1, within_s=4)).verdict == "fail"


async def test_a_newer_order_ends_the_older_ones_measuring(bench: Bench) -> None:
    await bench.start()
    await bench.order(analyse(1, query="old", count=100_000))
    await until(lambda: "rate(old" in bench.metrics.queries[-1:], within_s=10, what="a measurement of the old order")
    await bench.order(analyse(2, query="new"))
    assert (await bench.concluded(2)).verdict == "pass"
    assert set(bench.metrics.queries[-3:]) == {"rate(new"}
    assert all(isinstance(fact, AnalysisConcluded) and fact.order_revision == 2 for fact in await bench.facts())


async def test_no_credential_is_in_anything_that_the_analyzer_gives_away(bench: Bench, tmp_path: Path) -> None:
    """Secrets reach the servers that they are for, and neither events, nor telemetry, logs and metrics."""
    canary = "canary-5e1f-secret"
    seen: list[bytes] = []
    for path in ("shop/quality/token", "shop/quality/password", "datadog"):
        file = tmp_path / "secrets" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(canary)
    copy = await bench.start(
        TIDEGATE_OUTBOUND_URLS=bench.metrics.url,
        TIDEGATE_OUTBOUND_NETWORKS="127.0.0.0/8",
        TIDEGATE_SECRETS_DIRECTORY=str(tmp_path / "secrets"),
        TIDEGATE_DATADOG_URL=f"{bench.metrics.url}/echo",
        TIDEGATE_DATADOG_API_KEY_FILE=str(tmp_path / "secrets" / "datadog"),
        TIDEGATE_DATADOG_APPLICATION_KEY_FILE=str(tmp_path / "secrets" / "datadog"),
        TIDEGATE_LOG_LEVEL="debug",
    )
    checks = _checks_with_secrets(bench.metrics.url)

    async def on_message(message: Msg) -> None:
        seen.append(message.data)

    async with bench.server.connected("operator") as connection:
        await connection.client.subscribe(subjects.telemetry(KEY, "r-1", USER), cb=on_message)
        await connection.client.flush()
        await bench.order(msgspec.structs.replace(analyse(1), step_analysis=Analysis(checks=checks)))
        fact = await bench.concluded(1, within_s=20)
        await until(lambda: seen, within_s=10, what="telemetry")
    reasons = {found.check: found.reason for found in fact.measurements}
    assert fact.verdict == "inconclusive"
    assert "repeats a credential" in reasons["back"]
    assert "doesn't belong into an address" in reasons["address"]
    assert "HTTP 500" in reasons["error"] or "not asked" in reasons["error"]
    assert sum(canary in told for told in bench.metrics.told) >= len(checks) - 1, "the servers got the secrets"
    given_away = [repr(await bench.facts()), repr(seen), copy.log.read_text(), await copy.metrics(), repr(fact)]
    assert [canary in text for text in given_away] == [False] * len(given_away)


def _checks_with_secrets(url: str) -> tuple[Check, ...]:
    header = {"key": "Authorization", "value": "Bearer ${secret:quality/token}"}
    asked = {how: {"url": f"{url}/echo/{how}", "headers": [header]} for how in ("well", "back", "error")}
    documents = {
        **asked,
        "posted": {**asked["well"], "method": "POST", "jsonBody": {"password": "${secret:quality/password}"}},
        "address": {"url": f"{url}/echo/well?token=${{secret:quality/token}}"},
    }
    queries = {name: ("web", json.dumps(document)) for name, document in documents.items()}
    queries["datadog"] = ("datadog", '{"query": "avg:x{*}"}')
    return tuple(
        Check(name=name, provider=provider, query=query, minimum=1.0, interval_s=0.05, inconclusive_limit=3)
        for name, (provider, query) in queries.items()
    )

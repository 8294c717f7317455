"""The analyzer's process on a real bus, with metrics that a test sets: started, killed and ordered about by tests."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
from aiohttp import web
from support.loopback import served
from support.nats import NatsServer, password

from tidegate_chassis.clock import SystemClock
from tidegate_chassis.connection import Connection
from tidegate_chassis.journal import Journal
from tidegate_chassis.publish import Publisher
from tidegate_contracts import subjects
from tidegate_contracts.codec import AnyEvent, event_decoder
from tidegate_contracts.facts import AnalysisConcluded, AnalysisReleased
from tidegate_contracts.orders import Analyse, ReleaseAnalysis
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_sandbox.ports import free_port

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
        async with served(application) as self.url:
            yield self


class Copy:
    """One analyzer process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.log = log
        self.address = f"http://127.0.0.1:{port}"

    async def is_ready(self) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.address}/readyz") as answer:
                return answer.status in (200, 204)
        except aiohttp.ClientError:
            return False

    async def metrics(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{self.address}/metrics") as answer:
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

"""Identical questions of different analyses reach the server once in a second, whichever provider asks them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web
from support.clock import ManualClock
from support.loopback import served
from support.standing import concluded
from support.templates import TemplateShelf, template

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.measure import Measured, Measurer
from tidegate_metrics_analyzer.outbound.breaker import FAILURES_MAX
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.providers.web import Web
from tidegate_metrics_analyzer.question import Subject, Unusable

SUBJECT = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="5d8f")
CHECK = Check(name="errors", query='rate(x{revision="{{revision}}"}[{{window}}])', maximum=1.0, window_s=10.0)
SINCE_S = 999_000.0
NOW_S = 1_000_000.2
"""Far enough from the start for a whole window."""


class Server:
    """Speaks as Prometheus does, with the number of the request as its value; `status` is what it answers with."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.status = 200
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        result: list[dict[str, Any]] = []
        if "time" in form:
            result = [{"metric": {}, "value": [float(form["time"]), str(len(self.asked))]}]
        data = {"resultType": "vector" if "time" in form else "matrix", "result": result}
        return web.Response(text=json.dumps({"status": "success", "data": data}), status=self.status)

    async def number(self, _: web.Request) -> web.Response:
        self.asked.append({})
        return web.json_response({"here": len(self.asked), "there": -len(self.asked)})


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server, application = Server(), web.Application()
    application.router.add_post("/api/v1/{kind:query|query_range}", server.answer)
    application.router.add_get("/number", server.number)
    async with served(application) as server.url:
        yield server


class Bench:
    def __init__(self, server: Server, measurer: Measurer, clock: ManualClock) -> None:
        self.server = server
        self.measurer = measurer
        self.clock = clock

    async def measure(self, check: Check, subject: Subject = SUBJECT, **more: float) -> Measured:
        return await self.measurer.measure(check, subject, more.pop("since_s", SINCE_S), **more)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with serving() as server:
        environment = {
            "TIDEGATE_PROMETHEUS_URL": server.url,
            "TIDEGATE_OUTBOUND_URLS": server.url,
            "TIDEGATE_OUTBOUND_NETWORKS": "127.0.0.0/8",
        }
        async with Prometheus.opened(environment) as prometheus, Web.opened(environment) as named:
            clock = ManualClock(NOW_S)
            yield Bench(server, Measurer({"prometheus": prometheus, "web": named}, clock), clock)


async def test_prometheus_is_asked_once_by_all_analyses_of_a_namespace(bench: Bench) -> None:
    other = msgspec.structs.replace(SUBJECT, workload="other")
    together = await asyncio.gather(bench.measure(CHECK), bench.measure(CHECK, other))
    bench.clock.advance(0.5)
    later = await bench.measure(CHECK)
    assert [measured.reading for measured in (*together, later)] == [1.0, 1.0, 1.0]
    assert [form["time"] for form in bench.server.asked] == ["1000000.200"]
    await bench.measure(CHECK, msgspec.structs.replace(SUBJECT, namespace="elsewhere"))
    bench.clock.advance(0.4)
    await bench.measure(CHECK)
    assert len(bench.server.asked) == 3


@pytest.mark.parametrize("provider", ["prometheus", "web"])
async def test_one_analysis_never_counts_an_answer_twice(bench: Bench, provider: str) -> None:
    query = CHECK.query if provider == "prometheus" else msgspec.json.encode(_web(bench, "here")).decode()
    check = msgspec.structs.replace(CHECK, provider=provider, query=query, interval_s=0.1)
    first = await bench.measure(check)
    bench.clock.advance(0.3)
    second = await bench.measure(check, counted_s=first.at_s)
    bench.clock.advance(0.3)
    another = await bench.measure(check)
    assert (first.reading, second.reading, another.reading) == (1.0, 2.0, 2.0)


async def test_a_value_and_its_count_are_of_one_moment_though_only_one_is_shared(bench: Bench) -> None:
    counted = msgspec.structs.replace(CHECK, minimum_samples_query="sum(increase(x[{{window}}]))", minimum_samples=1)
    await bench.measure(CHECK)
    bench.clock.advance(0.4)
    assert (await bench.measure(counted)).reading == 1.0
    assert [form["time"] for form in bench.server.asked] == ["1000000.200", "1000000.200"]


async def test_a_shared_answer_never_looks_back_over_the_steps_start(bench: Bench) -> None:
    """Both look back by ten seconds; the second one's step began ten seconds before its own measurement."""
    await bench.measure(CHECK)
    bench.clock.advance(0.4)
    late = bench.clock.now_s() - CHECK.window_s
    assert (await bench.measure(CHECK, since_s=late)).reading == 2.0


async def test_what_is_read_from_one_page_is_asked_for_once(bench: Bench) -> None:
    readings = [
        (await bench.measure(_web_check(bench, where), counted_s=0.0)).reading for where in ("here", "there", "here")
    ]
    assert readings == [1.0, -1.0, 1.0]
    assert len(bench.server.asked) == 1


async def test_a_template_asks_once_what_others_ask_too_and_anew_for_its_next_measurement(bench: Bench) -> None:
    values = [await bench.measurer.value("prometheus", "up", SUBJECT, 0.0) for _ in range(2)]
    again = await bench.measurer.value("prometheus", "up", SUBJECT, bench.clock.now_s())
    assert [getattr(value, "raw", value) for value in (*values, again)] == [[1.0], [1.0], [2.0]]


async def test_comparisons_of_the_same_moments_ask_once(bench: Bench) -> None:
    compared = msgspec.structs.replace(CHECK, maximum=None, compare=Comparison(direction="increase"))
    tolerant = msgspec.structs.replace(compared, compare=Comparison(direction="increase", tolerance=5.0))
    for check in (compared, tolerant, compared):
        await bench.measure(check)
    assert len(bench.server.asked) == 2
    assert "5d8f" in bench.server.asked[0]["query"]
    assert "7c9b" in bench.server.asked[1]["query"]


async def test_a_prometheus_that_failed_is_measured_again_at_the_very_next_measurement(bench: Bench) -> None:
    """However often it failed: a rest after failures would be doubt that the server didn't cause."""
    bench.server.status = 503
    for _ in range(2 * FAILURES_MAX):
        bench.clock.advance(1)
        assert isinstance((await bench.measure(CHECK)).reading, Unusable)
    bench.server.status = 200
    bench.clock.advance(1)
    assert (await bench.measure(CHECK)).reading == 2 * FAILURES_MAX + 1


def _web(bench: Bench, where: str) -> dict[str, Any]:
    return {"url": f"{bench.server.url}/number", "jsonPath": f"{{$.{where}}}"}


def _web_check(bench: Bench, where: str) -> Check:
    query = msgspec.json.encode(_web(bench, where)).decode()
    return Check(name=where, query=query, provider="web", minimum=-1e9)


async def test_what_an_analysis_counts_are_as_many_answers_as_measurements(bench: Bench) -> None:
    """A check and a template's metric, five times within a second each."""
    metric = {"name": "errors", "interval": "200ms", "count": 5, "successCondition": "result[0] > 0"}
    stored = template(metric | {"provider": {"prometheus": {"query": "up"}}})
    check = msgspec.structs.replace(CHECK, maximum=1e9, interval_s=0.2, count=5)
    fact = await _verdict_on(bench, Analysis(checks=(check,), templates=(TemplateReference(name="t"),)), t=stored)
    checked, measured = fact.measurements
    assert fact.verdict == "pass"
    assert len(set(checked.values)) == len(checked.values) == 5
    assert measured.assessed is not None
    assert len({sample.value for sample in measured.assessed.samples}) == 5


async def _verdict_on(bench: Bench, analysis: Analysis, **templates: Any) -> AnalysisConcluded:
    order = Analyse(
        rollout="r",
        revision=1,
        workload=WorkloadReference(name="web"),
        step=1,
        stable_revision=SUBJECT.stable_revision,
        canary_revision=SUBJECT.revision,
        step_analysis=analysis,
        since_s=time.time() - 1000,
    )
    async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": bench.server.url}) as provider:
        measurer = Measurer({"prometheus": provider}, SystemClock(), TemplateShelf(**templates))
        return await concluded(order, SUBJECT, measurer, within_s=20)

"""Secrets that templates name reach the server they are meant for, and nobody else: planted ones are looked for in all
that an analysis says, whatever the server does with them.
"""

import asyncio
import base64
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from aiohttp import web
from support.clock import ManualClock
from support.loopback import served
from support.templates import TemplateShelf, template

from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.analysis import StandingAnalysis
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.providers.web import Web
from tidegate_metrics_analyzer.question import Subject

CANARY = "canary-s3cr3t-/+%41-value"
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode(), urllib.parse.quote(CANARY, safe=""))
SUBJECT = Subject(namespace="shop", workload="web", stable_revision="a", revision="b")
ORDER = Analyse(
    rollout="r",
    revision=1,
    workload=WorkloadReference(name="web"),
    step=1,
    stable_revision="a",
    canary_revision="b",
    step_analysis=Analysis(templates=(TemplateReference(name="t"),)),
)
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def good(request: web.Request) -> web.Response:
    assert request.headers["Authorization"] == f"Bearer {CANARY}"
    assert (await request.json())["key"] == CANARY
    return web.json_response({"rate": 0.99})


async def repeats_it(request: web.Request) -> web.Response:
    return web.json_response({"rate": request.headers["Authorization"]})


async def refuses(request: web.Request) -> web.Response:
    return web.Response(status=500, text=f"wrong key: {request.headers['Authorization']}")


async def sends_away(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"{request.url}?{request.headers['Authorization']}")


async def hangs_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@asynccontextmanager
async def server(respond: Respond) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/metrics", respond)
    async with served(application) as url:
        yield f"{url}/metrics"


def asking(url: str, **fields: Any) -> dict[str, Any]:
    block = {
        "url": url,
        "method": "POST",
        "headers": [{"key": "Authorization", "value": "Bearer {{args.token}}"}],
        "jsonBody": {"key": "{{args.token}}"},
        "jsonPath": "{$.rate}",
    }
    return {"name": "rate", "successCondition": "result >= 0.95", "provider": {"web": block | fields}}


class Said:
    """Everything that leaves the analyzer."""

    def __init__(self) -> None:
        self.facts: list[AnalysisConcluded] = []
        self.telemetry: list[MetricsMeasured] = []
        self.logs: list[Any] = []

    async def report(self, fact: AnalysisConcluded) -> None:
        self.facts.append(fact)

    async def observe(self, telemetry: MetricsMeasured) -> None:
        self.telemetry.append(telemetry)

    @property
    def text(self) -> str:
        said = msgspec.json.encode([self.facts, self.telemetry]).decode()
        return f"{said} {self.facts!r} {self.telemetry!r} {self.logs!r}"


async def analysed(url: str, directory: Path, stored: dict[str, Any]) -> Said:
    secret = directory / "shop" / "rates"
    secret.mkdir(parents=True, exist_ok=True)
    (secret / "token").write_text(CANARY)
    declared = [{"name": "token", "valueFrom": {"secretKeyRef": {"name": "rates", "key": "token"}}}]
    environment = {
        "TIDEGATE_OUTBOUND_URLS": url,
        "TIDEGATE_OUTBOUND_NETWORKS": "127.0.0.0/8",
        "TIDEGATE_SECRETS_DIRECTORY": str(directory),
    }
    said, clock = Said(), ManualClock()
    async with Web.opened(environment) as provider, asyncio.timeout(20):
        measurer = Measurer({"web": provider}, clock, TemplateShelf(t=template(stored, args=declared)))
        with structlog.testing.capture_logs() as said.logs:
            await StandingAnalysis(ORDER, SUBJECT, measurer, clock).stand(said.report, said.observe)
    return said


@pytest.mark.parametrize(
    ("respond", "fields", "verdict"),
    [
        (good, {}, "pass"),
        (repeats_it, {}, "fail"),
        (refuses, {}, "fail"),
        (sends_away, {}, "fail"),
        (hangs_up, {}, "fail"),
        (good, {"jsonPath": "{$.none}"}, "fail"),
        (good, {"jsonPath": "{$.rate} {{args.token}}"}, None),
        (good, {"method": "{{args.token}}"}, None),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
async def test_a_planted_secret_is_in_nothing_that_is_said(
    respond: Respond, fields: dict[str, Any], verdict: str | None, tmp_path: Path
) -> None:
    async with server(respond) as url:
        said = await analysed(url, tmp_path, asking(url, **fields))
    (fact,) = said.facts
    assert fact.verdict == (verdict or fact.verdict)
    assert fact.verdict == "pass" or respond is not good or fields
    assert [form for form in FORMS if form in said.text] == []
    if verdict is not None:
        assert "${secret:rates/token}" in fact.measurements[0].query

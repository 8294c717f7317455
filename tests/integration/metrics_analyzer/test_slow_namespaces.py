"""Namespaces whose server answers nobody, and one whose answers at once, of one provider over real connections."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from support.loopback import served
from support.until import until

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.outbound.door import PARALLEL_PER_SERVER_MAX
from tidegate_metrics_analyzer.providers.web import Web
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.run import Run

SLOW_NAMESPACES = 4
VERDICT_WITHIN_S = 2.0
"""Well below the time after which a slow server is given up, which is when places would come free."""


class Server:
    def __init__(self) -> None:
        self.waiting = 0
        self.url = ""

    async def quick(self, _: web.Request) -> web.Response:
        return web.json_response(0.0)

    async def slow(self, _: web.Request) -> web.Response:
        self.waiting += 1
        await asyncio.Event().wait()
        raise AssertionError


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server, application = Server(), web.Application()
    application.router.add_get("/quick", server.quick)
    application.router.add_get("/slow/{which}", server.slow)
    async with served(application) as server.url:
        yield server


def run(namespace: str, *urls: str) -> Run:
    checks = tuple(
        Check(name=f"check-{number}", provider="web", query=json.dumps({"url": url}), maximum=1.0, interval_s=0.1)
        for number, url in enumerate(urls)
    )
    subject = Subject(namespace=namespace, workload="web", stable_revision="a", revision="b")
    return Run(checks, subject, time.time() - 100)


async def test_four_namespaces_with_a_server_that_hangs_delay_no_verdict_of_another() -> None:
    environment = {"TIDEGATE_OUTBOUND_NETWORKS": "127.0.0.0/8"}
    async with serving() as server, AsyncExitStack() as stack:
        web_provider = await stack.enter_async_context(Web.opened(environment | {"TIDEGATE_OUTBOUND_URLS": server.url}))
        measurer = Measurer({"web": web_provider}, SystemClock())
        for number in range(SLOW_NAMESPACES):
            urls = [f"{server.url}/slow/{number}-{place}" for place in range(PARALLEL_PER_SERVER_MAX)]
            await stack.enter_async_context(run(f"slow-{number}", *urls).measuring(measurer, SystemClock()))
        await until(lambda: server.waiting >= SLOW_NAMESPACES * 6, what="the slow namespaces' questions")
        quick = run("quick", f"{server.url}/quick", f"{server.url}/quick")
        await stack.enter_async_context(quick.measuring(measurer, SystemClock()))
        async with asyncio.timeout(VERDICT_WITHIN_S):
            while quick.verdicts() != ("pass", "pass"):
                await quick.change()

"""The load generator against real pods' servers on loopback."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from support.until import until

from tidegate_sandbox.load.run import LoadRun, Plan
from tidegate_sandbox.load.tally import Record, Window
from tidegate_sandbox.podlet.behaviour import Behaviour
from tidegate_sandbox.podlet.http1 import HttpServer
from tidegate_sandbox.podlet.site import PodSite

ADDRESS = "127.0.44.1"


async def serve(behaviour: Behaviour) -> HttpServer:
    server = HttpServer(PodSite("web-1", behaviour))
    await server.open(ADDRESS, (0,))
    return server


@pytest.fixture
async def pod() -> AsyncIterator[HttpServer]:
    server = await serve(Behaviour(version="v3", error_percent=10.0))
    yield server
    server.abort()


def plan(server: HttpServer, rate_per_s: float = 200.0, duration_s: float | None = 1.0, **more: float) -> Plan:
    options = {"connections": 4, "timeout_s": 5.0, "new_connection_percent": 5.0, **more}
    return Plan(
        url=f"http://{ADDRESS}:{server.ports[0]}/",
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        connections=int(options["connections"]),
        timeout_s=options["timeout_s"],
        new_connection_percent=options["new_connection_percent"],
    )


async def test_the_rate_is_exact_and_a_versions_own_errors_are_not_lost(pod: HttpServer) -> None:
    windows: list[Window] = []
    summary = await LoadRun(plan(pod), on_window=windows.append).run()
    assert (summary.sent, summary.finished, summary.not_sent) == (200, 200, 0)
    assert (summary.versions["v3"].ok, summary.versions["v3"].errors) == (180, 20)
    assert summary.lost == {}
    assert sum(window.finished for window in windows) == 200
    assert len(windows) >= 10


async def test_connections_are_reused_but_for_the_share_of_new_ones(pod: HttpServer) -> None:
    records: list[Record] = []
    await LoadRun(plan(pod, new_connection_percent=10.0), on_record=records.append).run()
    fresh = sum(not record.reused_connection for record in records)
    assert 21 <= fresh <= 60


async def test_a_killed_pod_shows_as_resets_and_refused_connections(pod: HttpServer) -> None:
    run = LoadRun(plan(pod, duration_s=None))
    running = asyncio.create_task(run.run())
    await until(lambda: run.totals.ok_total >= 20)
    pod.abort()
    await until(lambda: run.totals.lost.get("connect", 0) >= 5)
    run.stop()
    summary = await running
    assert summary.finished == summary.sent
    assert summary.lost["connect"] >= 5


async def test_a_pod_that_hangs_shows_as_timeouts_and_the_rate_goes_on() -> None:
    server = await serve(Behaviour(latency_s=30.0))
    summary = await LoadRun(plan(server, rate_per_s=50.0, timeout_s=0.3)).run()
    assert summary.lost == {"timeout": summary.sent}
    assert summary.sent == 50
    server.abort()


async def test_a_slow_answer_counts_from_when_the_request_was_due() -> None:
    server = await serve(Behaviour(latency_s=0.2))
    summary = await LoadRun(plan(server, rate_per_s=100.0, connections=1)).run()
    assert summary.lost == {}
    assert 200.0 <= summary.latency.p50_ms < 400.0
    server.abort()


@pytest.fixture
def pod_of_its_own() -> Iterator[HttpServer]:
    """That goes on when this process' loop doesn't."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serve(Behaviour(version="v3")), loop).result()
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(1.0), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def test_a_generator_that_gets_no_time_takes_its_own_delay_for_no_loss(pod_of_its_own: HttpServer) -> None:
    run = LoadRun(plan(pod_of_its_own, rate_per_s=50.0, duration_s=None, timeout_s=0.1, new_connection_percent=50.0))
    running = asyncio.create_task(run.run())
    for _ in range(20):
        time.sleep(0.15)  # noqa: ASYNC251 - a turn of the loop that takes longer than the timeout
        await asyncio.sleep(0)
    run.stop()
    summary = await running
    assert summary.lost == {}
    assert summary.finished > 50


async def test_draining_and_replacing_a_pod_loses_nothing(pod: HttpServer) -> None:
    run = LoadRun(plan(pod, duration_s=None))
    running = asyncio.create_task(run.run())
    await until(lambda: run.totals.ok_total >= 20)
    pod.drain()
    seen = run.totals.finished
    await until(lambda: run.totals.finished >= seen + 50)
    run.stop()
    assert (await running).lost == {}


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "127.0.0.1:80", "http:///x"])
def test_a_url_that_is_not_plain_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be http://"):
        LoadRun(Plan(url=url, rate_per_s=1.0))

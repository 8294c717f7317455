"""A server in Prometheus' place that does everything wrong: no answer of it passes, floods us or leads us elsewhere."""

import asyncio
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from support.loopback import served

from tidegate_chassis.clock import SystemClock
from tidegate_chassis.errors import Permanent
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import catalogue
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.outbound.body import BODY_BYTES_MAX
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.question import Reading, Subject, Unusable

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]
SUBJECT = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="5d8f")
CHECK = Check(name="errors", query="rate(x[{{window}}])", minimum=-1e300)
TIMEOUT_S = 0.5
MEBIBYTE = 1024 * 1024


def vector(value: object, *, age_s: float = 0.0, series: int = 1, **labels: str) -> Callable[[], bytes]:
    """An answer whose sample is so old at the moment it is given."""
    return lambda: _vector(value, age_s, series, labels)


def _vector(value: object, age_s: float, series: int, labels: dict[str, str]) -> bytes:
    result = [{"metric": labels, "value": [time.time() - age_s, value]}] * series
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


@asynccontextmanager
async def server(respond: Respond, path: str = "/api/v1/query") -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", path, respond)
    async with served(application) as url:
        yield url


async def reading_from(respond: Respond, **environment: str) -> Reading:
    async with (
        server(respond) as url,
        Prometheus.opened(
            {"TIDEGATE_PROMETHEUS_URL": url, "TIDEGATE_PROMETHEUS_TIMEOUT_S": str(TIMEOUT_S)} | environment
        ) as provider,
    ):
        measurer = Measurer({"prometheus": provider}, SystemClock())
        return (await measurer.measure(CHECK, SUBJECT, time.time() - 60)).reading


def answering(body: bytes | Callable[[], bytes], status: int = 200, **headers: str) -> Respond:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(
            body=body if isinstance(body, bytes) else body(),
            status=status,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return respond


async def hangs(_: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response(body=vector("0.5")())


async def drips(request: web.Request) -> web.StreamResponse:
    """A byte now and then, so that no single read ever times out."""
    response = web.StreamResponse()
    await response.prepare(request)
    for byte in vector("0.5")() * 100:
        await response.write(bytes([byte]))
        await asyncio.sleep(0.05)
    return response


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(vector("0.5")())
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        pytest.param(hangs, "no answer within 0.5 s", id="slow for 30 s"),
        pytest.param(drips, "no answer within 0.5 s", id="one byte at a time"),
        pytest.param(breaks_off, "could not be asked", id="connection lost in the answer"),
        pytest.param(answering(b"oops", 500), "HTTP 500", id="500"),
        pytest.param(answering(vector("0.5"), 503), "HTTP 503", id="503 with a value"),
        pytest.param(answering(vector("NaN")), "NaN", id="NaN"),
        pytest.param(answering(vector("+Inf")), "not finite", id="Inf"),
        pytest.param(answering(vector("-Inf")), "not finite", id="minus Inf"),
        pytest.param(answering(vector("1e308")), "not finite", id="1e308"),
        pytest.param(answering(vector("1", series=0)), "no data", id="empty"),
        pytest.param(answering(vector("1", series=3)), "3 series", id="several series"),
        pytest.param(answering(vector("hello")), "not a number", id="a string"),
        pytest.param(answering(vector(0.5)), "not what Prometheus sends", id="a bare number"),
        pytest.param(answering(vector("0.5", revision="7c9b")), "another revision", id="the wrong series"),
        pytest.param(answering(vector("0.5", age_s=120)), "stale", id="an old sample"),
        pytest.param(answering(vector("0.5", age_s=-120)), "future", id="a sample from the future"),
        pytest.param(answering(b"<html>log in</html>"), "not what Prometheus sends", id="a log-in page"),
        pytest.param(answering(b"\x00\xff" * 100), "not what Prometheus sends", id="garbage"),
        pytest.param(answering(b"[" * 500_000), "not what Prometheus sends", id="nested without end"),
        pytest.param(
            answering(gzip.compress(vector("0.5")()), Content_Encoding="gzip"), "compressed", id="compressed unasked"
        ),
    ],
)
async def test_a_wrong_answer_is_unusable(respond: Respond, reason: str) -> None:
    async with asyncio.timeout(TIMEOUT_S + 5):
        reading = await reading_from(respond)
    assert isinstance(reading, Unusable)
    assert reason in reading.reason


async def test_the_stub_can_answer_well_so_the_faults_above_are_the_servers() -> None:
    assert await reading_from(answering(vector("-0.5", revision="5d8f"))) == -0.5


async def test_an_endless_body_is_cut_off() -> None:
    sent_bytes = 0

    async def floods(request: web.Request) -> web.StreamResponse:
        nonlocal sent_bytes
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100 * 16):
            await response.write(b" " * (MEBIBYTE // 16))
            sent_bytes += MEBIBYTE // 16
        return response

    reading = await reading_from(floods)
    assert isinstance(reading, Unusable)
    assert f"larger than {BODY_BYTES_MAX} bytes" in reading.reason
    assert sent_bytes < 20 * MEBIBYTE


async def test_a_compressed_bomb_is_never_unpacked() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(MEBIBYTE)) for _ in range(200)) + packer.flush()
    tracemalloc.start()
    try:
        reading = await reading_from(answering(bomb, Content_Encoding="gzip"))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(reading, Unusable)
    assert peak_bytes < 20 * MEBIBYTE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    asked: list[str] = []

    async def secret(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=vector("0.5")())

    async def redirects(_: web.Request) -> web.Response:
        asked.append("here")
        return web.Response(status=status, headers={"Location": inner})

    async with server(secret) as inner_url:
        inner = f"{inner_url}/api/v1/query"
        reading = await reading_from(redirects)
    assert isinstance(reading, Unusable)
    assert "redirects" in reading.reason
    assert asked == ["here"]


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await reading_from(answering(vector("0.5"))) == 0.5


async def test_the_token_is_sent_read_anew_and_never_told(tmp_path: Path) -> None:
    token = tmp_path / "token"
    seen: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.Response(status=401, text=f"bad token {seen[-1]}")

    with structlog.testing.capture_logs() as logs:
        for text in ("canary-one\n", "canary-two\n"):
            token.write_text(text)
            reading = await reading_from(respond, TIDEGATE_PROMETHEUS_TOKEN_FILE=str(token))
            assert isinstance(reading, Unusable)
            assert "canary" not in reading.reason
    assert seen == ["Bearer canary-one", "Bearer canary-two"]
    assert "canary" not in repr(logs)


async def test_a_missing_token_file_is_doubt(tmp_path: Path) -> None:
    reading = await reading_from(answering(vector("0.5")), TIDEGATE_PROMETHEUS_TOKEN_FILE=str(tmp_path / "none"))
    assert isinstance(reading, Unusable)


@pytest.mark.parametrize("address", ["", "prometheus:9090", "file:///etc/passwd", "ftp://host", "http://", "http://["])
async def test_an_address_that_is_none_of_http_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(Permanent, match="TIDEGATE_PROMETHEUS_URL"):
        async with Prometheus.opened({"TIDEGATE_PROMETHEUS_URL": address}):
            pass


async def test_an_unconfigured_provider_is_listed_with_the_reason() -> None:
    async with catalogue.opened({}) as providers:
        found = providers["prometheus"]
    assert isinstance(found, Unusable)
    assert "no Prometheus is configured" in found.reason


async def test_a_configured_provider_is_found_by_its_entry_point() -> None:
    async with catalogue.opened({"TIDEGATE_PROMETHEUS_URL": "http://127.0.0.1:9"}) as providers:
        assert isinstance(providers["prometheus"], Prometheus)

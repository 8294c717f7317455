"""The outbound door against servers on loopback: where it doesn't lead, what it refuses, whom it leaves alone."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from support.loopback import served
from support.until import until

from tidegate_chassis.errors import Permanent
from tidegate_metrics_analyzer.outbound.body import BODY_BYTES_MAX
from tidegate_metrics_analyzer.outbound.breaker import FAILURES_MAX
from tidegate_metrics_analyzer.outbound.door import PARALLEL_PER_SERVER_MAX, Door
from tidegate_metrics_analyzer.outbound.request import Reply, Request
from tidegate_metrics_analyzer.question import Unusable

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]
HERE = {"TIDEGATE_OUTBOUND_NETWORKS": "127.0.0.0/8, ::1/128"}


class Server:
    def __init__(self, respond: Respond) -> None:
        self.requests: list[web.Request] = []
        self.url = ""
        self._respond = respond

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self._respond(request)


@asynccontextmanager
async def serving(respond: Respond) -> AsyncIterator[Server]:
    server = Server(respond)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    async with served(application) as server.url:
        yield server


@asynccontextmanager
async def door_to(server: Server, **environment: str) -> AsyncIterator[Door]:
    async with Door.opened(HERE | {"TIDEGATE_OUTBOUND_URLS": server.url} | environment) as door:
        yield door


def sends(body: bytes = b"{}", status: int = 200, headers: Mapping[str, str] | None = None) -> Respond:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    return respond


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


def reason(reply: Reply | Unusable) -> str:
    assert isinstance(reply, Unusable), reply
    return reply.reason


async def test_a_listed_address_is_asked_and_answers() -> None:
    async with serving(sends(b"[1]", 418)) as server, door_to(server) as door:
        request = Request(url=f"{server.url}/x?y=z", method="PUT", headers=(("A", "b"),), body="body")
        assert await door.ask(request) == Reply(418, b"[1]")
    (asked,) = server.requests
    assert (asked.method, asked.path_qs, asked.headers["A"]) == ("PUT", "/x?y=z", "b")
    assert asked.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "127.1"])
async def test_a_listed_name_that_leads_into_our_own_network_is_not_followed(host: str) -> None:
    async with serving(sends()) as server:
        url = server.url.replace("127.0.0.1", host)
        async with Door.opened({"TIDEGATE_OUTBOUND_URLS": url}) as door:
            found = reason(await door.ask(Request(url=url)))
        assert "private" in found or "could not be asked" in found
        assert server.requests == []


async def test_what_the_installer_configured_may_lie_anywhere() -> None:
    async with serving(sends()) as server, Door.opened({}, server.url.replace("127.0.0.1", "localhost")) as door:
        assert await door.ask(Request(url=server.url.replace("127.0.0.1", "localhost"))) == Reply(200, b"{}")
        assert "not among" in reason(await door.ask(Request(url=server.url)))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://evil.example", "http://[", "file:///etc/passwd", ""])
async def test_what_is_not_listed_is_not_asked(url: str) -> None:
    async with serving(sends()) as server, door_to(server) as door:
        assert "address" in reason(await door.ask(Request(url=url)))
        assert server.requests == []


async def test_a_redirect_within_a_server_is_followed_and_no_other() -> None:
    async with serving(sends(b"secret")) as other:

        async def respond(request: web.Request) -> web.Response:
            target = {"/near": "/there", "/far": f"{other.url}/", "/round": "/round"}.get(request.path)
            return web.Response(status=302, headers={"Location": target}) if target else web.Response(body=b"here")

        async with serving(respond) as server, door_to(server, TIDEGATE_OUTBOUND_URLS="") as closed:
            assert "not among" in reason(await closed.ask(Request(url=server.url)))
            both = f"{server.url},{other.url}"
            async with door_to(server, TIDEGATE_OUTBOUND_URLS=both) as door:
                assert await door.ask(Request(url=f"{server.url}/near")) == Reply(200, b"here")
                assert "redirects" in reason(await door.ask(Request(url=f"{server.url}/far")))
                assert "more than 2" in reason(await door.ask(Request(url=f"{server.url}/round")))
                posted = Request(url=f"{server.url}/near", method="POST", body="x")
                assert "redirects" in reason(await door.ask(posted))
        assert other.requests == []


async def test_an_answer_has_a_limit_on_time_and_on_size_and_is_not_unpacked() -> None:
    async with serving(hangs) as server, door_to(server) as door:
        assert reason(await door.ask(Request(url=server.url, timeout_s=0.2))) == "no answer within 0.2 s"
    async with serving(sends(b" " * (BODY_BYTES_MAX + 1))) as server, door_to(server) as door:
        assert "larger than" in reason(await door.ask(Request(url=server.url)))
    packed = sends(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})
    async with serving(packed) as server, door_to(server) as door:
        assert "compressed" in reason(await door.ask(Request(url=server.url)))


async def test_a_failing_server_rests_for_the_namespace_that_asked_it_only() -> None:
    async with serving(sends(status=503)) as server, door_to(server) as door:
        for number in range(FAILURES_MAX):
            assert isinstance(await door.ask(Request(url=f"{server.url}/{number}", namespace="a")), Reply)
        assert "not asked" in reason(await door.ask(Request(url=f"{server.url}/x", namespace="a")))
        assert isinstance(await door.ask(Request(url=f"{server.url}/x", namespace="b")), Reply)
        assert len(server.requests) == FAILURES_MAX + 1


async def test_a_slow_server_of_one_namespace_holds_nobody_up() -> None:
    async with AsyncExitStack() as stack:
        slow, quick = [await stack.enter_async_context(serving(respond)) for respond in (hangs, sends())]
        door = await stack.enter_async_context(door_to(slow, TIDEGATE_OUTBOUND_URLS=f"{slow.url},{quick.url}"))
        waiting = [
            asyncio.create_task(door.ask(Request(url=f"{slow.url}/{number}", namespace="a", timeout_s=5)))
            for number in range(PARALLEL_PER_SERVER_MAX)
        ]
        await until(lambda: len(slow.requests) == PARALLEL_PER_SERVER_MAX, within_s=5, what="requests under way")
        async with asyncio.timeout(2):
            assert "under way" in reason(await door.ask(Request(url=f"{slow.url}/more", namespace="a")))
            assert isinstance(await door.ask(Request(url=quick.url, namespace="b")), Reply)
        for task in waiting:
            task.cancel()


async def test_a_secret_is_put_in_at_the_last_moment_and_never_comes_back(tmp_path: Path) -> None:
    canary = "canary-7d1e-secret"
    file = tmp_path / "shop" / "quality" / "token"
    file.parent.mkdir(parents=True)
    file.write_text(canary)

    async def respond(request: web.Request) -> web.Response:
        text = request.headers["Authorization"] + await request.text()
        escaped = "".join(f"\\u{ord(character):04x}" for character in text)
        return web.Response(text={"/echo": text, "/escaped": escaped}.get(request.path, "{}"))

    with structlog.testing.capture_logs() as logged:
        async with serving(respond) as server, door_to(server, TIDEGATE_SECRETS_DIRECTORY=str(tmp_path)) as door:
            request = Request(
                url=server.url,
                method="POST",
                headers=(("Authorization", "Bearer ${secret:quality/token}"),),
                body='{"token": "${secret:quality/token}"}',
                namespace="shop",
            )
            assert await door.ask(request) == Reply(200, b"{}")
            assert server.requests[0].headers["Authorization"] == f"Bearer {canary}"
            replies = [
                await door.ask(Request(url=f"{server.url}/echo", headers=request.headers, namespace="shop")),
                await door.ask(Request(url=f"{server.url}/escaped", headers=request.headers, namespace="shop")),
                await door.ask(Request(url=f"{server.url}/b", headers=request.headers, namespace="other")),
                await door.ask(Request(url=server.url + "/${secret:quality/token}", namespace="shop")),
            ]
            file.write_text('quo"ted')
            replies.append(await door.ask(Request(url=f"{server.url}/c", body=request.body, namespace="shop")))
            file.write_text(f"{canary}\r\nX-Evil: 1")
            replies.append(await door.ask(Request(url=f"{server.url}/d", headers=request.headers, namespace="shop")))
    assert [
        word in reason(reply)
        for word, reply in zip(
            ("repeats", "repeats", "can't be read", "doesn't belong", "quotes", "not printable"), replies, strict=True
        )
    ] == [True] * 6
    assert canary not in repr((replies, logged))
    assert len(server.requests) == 3


async def test_wrong_lists_are_told_when_the_provider_is_opened() -> None:
    with pytest.raises(Permanent, match="outbound addresses are wrong"):
        async with Door.opened({"TIDEGATE_OUTBOUND_NETWORKS": "office"}):
            pass

"""The kit that every metric provider passes: what it must do with good answers, wrong ones and hostile ones.

Its author awaits `broken` in a test, with an answer as the real server sends it; the built-in providers do in
tests/integration/metrics_analyzer/test_provider_conformance.py. The kit plays the server itself, on loopback.
"""

import asyncio
import functools
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Self

import msgspec
from aiohttp import web

from tidegate_chassis.errors import Permanent
from tidegate_metrics_analyzer import reading
from tidegate_metrics_analyzer.provider import MetricProvider
from tidegate_metrics_analyzer.question import Question, Reading, Subject, Unusable

SUBJECT: Final = Subject(namespace="conformance", workload="web", stable_revision="7c9b", revision="5d8f")
WINDOW_S: Final = 30.0
ANSWER_TIMEOUT_S: Final = 20.0

WRONG_STATUSES: Final = (301, 302, 307, 400, 401, 403, 404, 429, 500, 503)
WRONG_LEAVES: Final[tuple[Any, ...]] = (None, True, "NaN", "+Inf", 1e308, -1e308, "text", [], {}, [[]])
WRONG_BODIES: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "an object": b"{}",
    "no text": b"\xff\xfe\x00",
    "a log-in page": b"<html>log in</html>",
    "nesting without end": b"[" * 100_000,
    "more than fits": b" " * (2 * 1024 * 1024),
}

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Case(NamedTuple):
    """A provider and how its server answers.

    Args:
        kind: The provider's class.
        environment: What it is configured with, for a server at that address.
        query: A check's query.
        answer: What the server sends at that moment, in epoch seconds, for a value of this very moment.
        value: The number that the answer comes down to.
        secrets: What its credentials hold: no reason may.
        reads_bodies: False for one that reads nothing but the status.
    """

    kind: type[MetricProvider]
    environment: Callable[[str], Mapping[str, str]]
    query: str
    answer: Callable[[float], bytes]
    value: float
    secrets: tuple[str, ...] = ()
    reads_bodies: bool = True


async def broken(case: Case) -> list[str]:
    """The promises that the provider doesn't keep."""
    found = [*await _opens(case), *await _renders(case)]
    async with _Server().serving() as server:
        good = await server.read(case, _sends(lambda: case.answer(time.time())))
        if good != case.value:
            return [*found, f"reads {case.value:g} from a good answer, not {good!r}"]
        for name, respond in _doubtful(case):
            value = await server.read(case, respond)
            if not isinstance(value, Unusable):
                found.append(f"doubts {name}, instead of reading {value!r}")
            elif any(secret in value.reason for secret in case.secrets):
                found.append(f"keeps its credentials to itself: {name}")
        for name, body in _mutants(case.answer(time.time())):
            value = await server.read(case, _sends(functools.partial(bytes, body)))
            if isinstance(value, float) and not math.isfinite(value):
                found.append(f"gives no value that is not finite: {name}")
    return found


async def _opens(case: Case) -> list[str]:
    try:
        async with case.kind.opened({}):
            return ["says that it isn't configured, by Permanent, where nothing is"]
    except Permanent:
        return []


async def _renders(case: Case) -> list[str]:
    found = []
    async with case.kind.opened(case.environment("http://127.0.0.1:1")) as provider:
        if (fault := provider.fault(case.query)) is not None:
            found.append(f"takes the query: {fault}")
        if "{{" in case.query and provider.fault(case.query.replace("{{", "{{un", 1)) is None:
            found.append("finds fault with a placeholder that it doesn't know")
        if not provider.reach(case.query).fixed_s >= 0:
            found.append("knows how far a query looks back")
        rendered = provider.render(case.query, SUBJECT, WINDOW_S)
        if not isinstance(rendered, str) or "{{" in rendered or provider.fault(rendered) is not None:
            found.append("fills in every placeholder, and then still takes the query")
        unknown = msgspec.structs.replace(SUBJECT, revision=None)
        if "{{revision}}" in case.query and not isinstance(provider.render(case.query, unknown, WINDOW_S), Unusable):
            found.append("renders nothing for a revision that is not known")
    return found


def _doubtful(case: Case) -> Iterator[tuple[str, Respond]]:
    """Answers that never hold a value."""
    for status in WRONG_STATUSES:
        yield f"HTTP {status}", _sends(lambda: case.answer(time.time()), status)
    if case.reads_bodies:
        for name, body in WRONG_BODIES.items():
            yield name, _sends(functools.partial(bytes, body))
        yield "an echo of the request", _echoes
    yield "a connection that breaks off", _breaks_off


def _mutants(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The answer cut short, and with each of its parts made wrong in three ways, one at a time."""
    for share in range(1, 8):
        yield f"cut off after {share}/8", body[: len(body) * share // 8]
    try:
        tree = json.loads(body)
    except ValueError:
        return
    for number, path in enumerate(_leaves(tree, ())):
        for wrong in (WRONG_LEAVES[(number + turn) % len(WRONG_LEAVES)] for turn in (0, 3, 7)):
            yield f"{wrong!r} at {path}", json.dumps(_replaced(tree, path, wrong)).encode()


def _leaves(tree: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    yield path
    for name, child in children:
        yield from _leaves(child, (*path, name))


def _replaced(tree: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    if not path:
        return wrong
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _replaced(tree[path[0]], path[1:], wrong)
    return copy


class _Server:
    """Answers as it is told to; its address is `url`."""

    def __init__(self) -> None:
        self.url = ""
        self._respond: Respond = _echoes

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        return await self._respond(request)

    async def read(self, case: Case, respond: Respond) -> Reading:
        """With a provider of its own for each answer, so that none is left alone for another's failures."""
        self._respond = respond
        async with case.kind.opened(case.environment(self.url)) as provider:
            now_s = time.time()
            query = provider.render(case.query, SUBJECT, WINDOW_S)
            if isinstance(query, Unusable):
                return query
            question = Question(query=query, subject=SUBJECT, window_s=WINDOW_S, at_s=now_s)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return reading.read(await provider.ask(question), question)


def _sends(body: Callable[[], bytes], status: int = 200) -> Respond:
    async def respond(request: web.Request) -> web.Response:
        headers = {"Location": f"http://localhost:{request.url.port}/elsewhere"}
        return web.Response(body=body(), status=status, headers=headers)

    return respond


async def _breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    assert request.transport is not None
    request.transport.close()
    return response


async def _echoes(request: web.Request) -> web.Response:
    return web.json_response({**request.headers, "query": request.query_string, "body": await request.text()})

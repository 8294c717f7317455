"""Prometheus as a metric provider: one query over HTTP, of now or of a range, with a limit on everything.

Asked by `measure`. The server's address and token come from the environment; redirects, proxies, cookies and
compression are all refused, so that neither a request nor the server itself can send us anywhere or flood us.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, Self, TypeVar
from urllib.parse import quote_plus, urlencode

import aiohttp
import msgspec
import structlog
from yarl import URL

from tidegate_chassis.errors import Permanent
from tidegate_chassis.settings import Settings, load
from tidegate_metrics_analyzer import promql
from tidegate_metrics_analyzer.outbound import secrets
from tidegate_metrics_analyzer.outbound.body import read_body
from tidegate_metrics_analyzer.providers import prometheus_document, reply
from tidegate_metrics_analyzer.providers.prometheus_age import aged, fresh
from tidegate_metrics_analyzer.providers.prometheus_document import Asked
from tidegate_metrics_analyzer.question import (
    Answer,
    Question,
    RangeAnswer,
    RangeQuestion,
    Reach,
    Subject,
    Unanswered,
    Unusable,
    Value,
)
from tidegate_metrics_analyzer.series import bare_series
from tidegate_metrics_analyzer.sharing import Sharing

CONNECTIONS_MAX: Final = 32
CONNECT_TIMEOUT_S: Final = 3.0
QUERIES_KEPT_MAX: Final = 10_000
"""Asked again and again, and quoted once."""

_REDIRECTS: Final = range(300, 400)
_MILLISECONDS: Final = 1000
_Decoded = TypeVar("_Decoded", Answer, RangeAnswer, Value)

_quoted = lru_cache(maxsize=QUERIES_KEPT_MAX)(quote_plus)
_log = structlog.get_logger()


class PrometheusSettings(Settings, frozen=True, kw_only=True):
    prometheus_timeout_s: float = 10.0
    """For one question, from connecting to the last byte, with what is asked about the age of its series."""
    prometheus_token_file: str = ""
    """A bearer token, read anew for each query because such files are rotated. Empty: none is sent."""
    prometheus_authorization_file: str = ""
    """Instead of a token the whole header, such as `Basic …`."""
    prometheus_tenant: str = ""
    """Sent as `X-Scope-OrgID`: whose metrics Mimir and Cortex are asked for."""


class Prometheus:
    """Asks one server; anything that speaks its query API will do.

    A server that fails is asked again at the next measurement: to leave it alone meanwhile would turn a short failure
    into doubt at measurements that it could have answered. Its limits are on time, connections and equal questions.
    """

    def __init__(self, session: aiohttp.ClientSession, url: URL, settings: PrometheusSettings) -> None:
        self._session = session
        self._url = url
        self._settings = settings
        self._timeout_s = settings.prometheus_timeout_s
        self._answers: Sharing[Answer | Unusable] = Sharing()
        self._ranges: Sharing[RangeAnswer | Unusable] = Sharing()
        self._values: Sharing[Value | Unusable] = Sharing()

    @classmethod
    @asynccontextmanager
    async def opened(cls, environment: Mapping[str, str]) -> AsyncIterator[Self]:
        settings = load(PrometheusSettings, environment)
        url = _api_url(settings.prometheus_url)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(total=settings.prometheus_timeout_s, connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield cls(session, url, settings)

    def fault(self, template: str) -> str | None:
        """Of a template's block what can't be served, before anything is measured: an error counts as a failure."""
        asked = self._document(template)
        return asked.reason if isinstance(asked, Unusable) else promql.fault(asked.query)

    def reach(self, template: str) -> Reach:
        return promql.reach(template)

    def render(self, template: str, subject: Subject, window_s: float) -> str | Unusable:
        try:
            return promql.render(template, subject.values(), window_s)
        except KeyError as error:
            return Unusable(f"the {error.args[0]} is not known yet")

    async def ask(self, question: Question) -> Answer | Unusable:
        """The answer, its samples stamped with the oldest sample that a bare series in the query was read from."""
        key = (question.subject.namespace, question.query)
        asking = partial(self._in_time, partial(self._answer, question))
        answer, of_s = await self._answers.ask(key, question.at_s, question.not_before_s, asking)
        return answer if isinstance(answer, Unusable) else msgspec.structs.replace(answer, of_s=of_s)

    async def _answer(self, question: Question) -> Answer | Unusable:
        answer = await self._query(question.query, question.at_s)
        for selector in bare_series(question.query):
            if isinstance(answer, Unusable):
                break
            stamps = await self._query(f"min(timestamp({selector}))", question.at_s)
            answer = stamps if isinstance(stamps, Unusable) else aged(answer, stamps)
        return answer

    async def ask_range(self, question: RangeQuestion) -> RangeAnswer | Unusable:
        """The answer without the points that a bare series in the query makes too old."""
        last_s = question.last_ms / _MILLISECONDS
        key = (question.subject.namespace, question.query, question.first_ms, question.spacing_ms, question.moments)
        asking = partial(self._in_time, partial(self._range_answer, question))
        return (await self._ranges.ask(key, last_s, last_s, asking)).found

    async def _range_answer(self, question: RangeQuestion) -> RangeAnswer | Unusable:
        answer = await self._query_range(question.query, question)
        for selector in bare_series(question.query):
            if isinstance(answer, Unusable):
                break
            stamps = await self._query_range(f"min(timestamp({selector}))", question)
            answer = stamps if isinstance(stamps, Unusable) else fresh(answer, stamps, question)
        return answer

    async def ask_value(self, question: Question) -> Value | Unusable:
        """The whole answer, however many series: nothing is asked about the age of bare series, as Argo asks nothing.

        The query is PromQL, or a JSON object as `prometheus_document` reads it.
        """
        asked = self._document(question.query)
        if isinstance(asked, Unusable):
            return asked
        key = (question.subject.namespace, question.query)
        asking = partial(self._in_time, partial(self._value, asked, question.at_s))
        return (await self._values.ask(key, question.at_s, question.not_before_s, asking)).found

    def _document(self, text: str) -> Asked | Unusable:
        asked = prometheus_document.read(text)
        if isinstance(asked, Asked) and asked.address and _below(asked.address) != self._url:
            return Unusable("the template names another Prometheus than the one that is configured")
        return asked

    async def _value(self, asked: Asked, at_s: float) -> Value | Unusable:
        times = asked.times or {"time": at_s}
        path = "query" if asked.times is None else "query_range"
        return await self._post(path, reply.decode_value, {"query": asked.query} | _written(times))

    async def _in_time(self, asking: Callable[[], Awaitable[_Decoded | Unusable]]) -> _Decoded | Unusable:
        """Too late is an answer, too: all who wait for it get it, and none of them asks anew with no time left."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asking()
        except TimeoutError:
            return Unanswered(f"no answer within {self._timeout_s:g} s")

    async def _query(self, query: str, at_s: float) -> Answer | Unusable:
        return await self._post("query", reply.decode, {"query": query, "time": f"{at_s:.3f}"})

    async def _query_range(self, query: str, question: RangeQuestion) -> RangeAnswer | Unusable:
        times_ms = {"start": question.first_ms, "end": question.last_ms, "step": question.spacing_ms}
        times = _written({name: time_ms / _MILLISECONDS for name, time_ms in times_ms.items()})
        return await self._post("query_range", reply.decode_range, {"query": query, **times})

    async def _post(
        self, path: str, decode: Callable[[int, bytes], _Decoded | Unusable], form: dict[str, str]
    ) -> _Decoded | Unusable:
        times = {name: text for name, text in form.items() if name != "query"}
        rest = urlencode({**times, "timeout": f"{self._timeout_s:g}s"})
        data = f"query={_quoted(form['query'])}&{rest}".encode()
        try:
            headers = self._headers()
        except ValueError as error:
            return Unanswered(str(error))
        try:
            async with self._session.post(
                self._url / path, data=data, headers=headers, allow_redirects=False
            ) as response:
                return await _read(response, decode)
        except TimeoutError:
            return Unanswered(f"no answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            _log.warning("Prometheus could not be asked", error=repr(error))
            return Unanswered(f"Prometheus could not be asked: {type(error).__name__}")

    def _headers(self) -> dict[str, str]:
        """Raises:
        ValueError: what is mounted for the server can't be used.
        """
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        if self._settings.prometheus_tenant:
            headers["X-Scope-OrgID"] = self._settings.prometheus_tenant
        if self._settings.prometheus_token_file:
            headers["Authorization"] = f"Bearer {_mounted(self._settings.prometheus_token_file, 'token')}"
        elif self._settings.prometheus_authorization_file:
            headers["Authorization"] = _mounted(self._settings.prometheus_authorization_file, "authorization")
        return headers


def _mounted(path: str, what: str) -> str:
    return secrets.read_file(Path(path), f"the {what} for Prometheus")


def _written(times: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{time_s:.3f}" for name, time_s in times.items()}


async def _read(
    response: aiohttp.ClientResponse, decode: Callable[[int, bytes], _Decoded | Unusable]
) -> _Decoded | Unusable:
    if response.status in _REDIRECTS:
        return Unanswered(f"Prometheus redirects, which is not followed (HTTP {response.status})")
    body = await read_body(response)
    return body if isinstance(body, Unusable) else decode(response.status, body)


def _below(address: str) -> URL | None:
    """The API below an address; None where that is none."""
    try:
        return URL(address) / "api/v1"
    except ValueError:
        return None


def _api_url(address: str) -> URL:
    """The API below the configured address.

    Raises:
        Permanent: there is no address, or it is none of HTTP.
    """
    try:
        url = URL(address)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise Permanent(
            "no Prometheus is configured: TIDEGATE_PROMETHEUS_URL is not an http:// or https:// address",
            code="not-configured",
            field="TIDEGATE_PROMETHEUS_URL",
            rule="an http:// or https:// address",
            remedy="Set it to the address of your Prometheus.",
        )
    return url / "api/v1"

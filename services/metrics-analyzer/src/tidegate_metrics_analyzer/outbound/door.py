"""The door itself: one request out, one bounded answer in. Never raises for what the other side does.

Opened by each provider for itself, so that one provider's trouble is none of another's. It checks the address, puts
secrets in, leaves a failing server alone, and follows no way to another one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from tidegate_chassis.clock import Clock, SystemClock
from tidegate_chassis.errors import Permanent
from tidegate_chassis.settings import Settings, load
from tidegate_metrics_analyzer.outbound import addresses, echoes, secrets
from tidegate_metrics_analyzer.outbound.body import read_body
from tidegate_metrics_analyzer.outbound.breaker import Breakers
from tidegate_metrics_analyzer.outbound.request import REQUEST_TIMEOUT_S_MAX, Reply, Request
from tidegate_metrics_analyzer.question import Unanswered, Unusable

CONNECTIONS_MAX: Final = 32
CONNECT_TIMEOUT_S: Final = 3.0
REDIRECTS_MAX: Final = 2
PARALLEL_PER_SERVER_MAX: Final = 8
"""To one server that users name: the rest are told so at once, for a slow server must not hold up the others."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OVERLOADED: Final = 429
_SERVER_ERROR: Final = 500

_Server = tuple[addresses.Server, str]
"""A server as one namespace knows it."""

_log = structlog.get_logger()


class OutboundSettings(Settings, frozen=True, kw_only=True):
    outbound_urls: str = ""
    """The URLs that users may name, with everything below them; separated by commas."""
    outbound_networks: str = ""
    """The networks, such as `10.0.0.0/8`, in which their hosts may lie although they are not public."""
    secrets_directory: str = ""
    """Where Secrets are mounted as `<namespace>/<name>/<key>`. Empty: queries can refer to none."""


class _Refused(Exception):  # noqa: N818 - no error: an address that may not be connected to
    pass


class _CheckedResolver(AbstractResolver):
    """Resolves once: the addresses that were checked are those that are connected to."""

    def __init__(self, policy: addresses.Policy) -> None:
        self._policy = policy
        self._inner = ThreadedResolver()
        self._free = {url.host for url in policy.configured}

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if host not in self._free and not all(self._policy.may_connect(one["host"]) for one in found):
            raise _Refused
        return found

    async def close(self) -> None:
        await self._inner.close()


class Door:
    """Where it leads is `policy`'s to say."""

    def __init__(
        self, session: aiohttp.ClientSession, policy: addresses.Policy, secrets_directory: Path | None, clock: Clock
    ) -> None:
        self._session = session
        self._policy = policy
        self._secrets_directory = secrets_directory
        self._clock = clock
        self._breakers = Breakers()
        self._under_way: Counter[_Server] = Counter()

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, environment: Mapping[str, str], *configured: str, clock: Clock | None = None
    ) -> AsyncIterator[Self]:
        """The door of one provider, which may go to the `configured` addresses beside what users may name.

        Raises:
            Permanent: the lists of what may be asked are wrong.
        """
        settings = load(OutboundSettings, environment)
        try:
            policy = addresses.policy(settings.outbound_urls, settings.outbound_networks, configured)
        except ValueError as error:
            raise Permanent(f"the outbound addresses are wrong: {error}", code="not-configured") from error
        directory = Path(settings.secrets_directory) if settings.secrets_directory else None
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS_MAX, resolver=_CheckedResolver(policy), use_dns_cache=False
            ),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S_MAX, connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield cls(session, policy, directory, clock or SystemClock())

    async def ask(self, request: Request) -> Reply | Unusable:
        try:
            url = URL(request.url)
            fault = self._policy.fault(url)
        except ValueError:
            fault = "the address is no https:// or http:// URL"
        if fault is None and secrets.has_reference(request.url):
            fault = "a secret doesn't belong into an address"
        if fault is None and not self._may_be_tried(url):
            fault = f"the address of {url.host} is private, and not in TIDEGATE_OUTBOUND_NETWORKS"
        return Unanswered(fault) if fault else await self._guarded(url, request)

    def _may_be_tried(self, url: URL) -> bool:
        """Written-out addresses never come to the resolver."""
        is_address = ":" in (url.host or "") or (url.host or "").replace(".", "").isdigit()
        return not is_address or self._policy.is_configured(url) or self._policy.may_connect(url.host or "")

    async def _guarded(self, url: URL, request: Request) -> Reply | Unusable:
        server = (addresses.server(url), request.namespace)
        breaker = self._breakers.of(server)
        under_way = self._under_way[server]
        if under_way >= PARALLEL_PER_SERVER_MAX and not self._policy.is_configured(url):
            return Unanswered(f"not asked: {under_way} requests to this server are under way already")
        if refusal := breaker.refusal(self._clock.monotonic_s()):
            return Unanswered(refusal)
        self._under_way[server] += 1
        try:
            reply, server_failed = await self._sent(url, request)
        finally:
            self._under_way[server] -= 1
            if not self._under_way[server]:
                del self._under_way[server]
        if server_failed:
            breaker.failed(self._clock.monotonic_s(), _reason(reply))
        else:
            breaker.succeeded()
        return reply

    async def _sent(self, url: URL, request: Request) -> tuple[Reply | Unusable, bool]:
        """The answer, and whether the server failed."""
        timeout_s = min(request.timeout_s, REQUEST_TIMEOUT_S_MAX)
        try:
            headers, body, used = self._with_secrets(request)
            async with asyncio.timeout(timeout_s):
                reply = await self._followed(url, request.method, headers, body)
        except TimeoutError:
            return Unanswered(f"no answer within {timeout_s:g} s"), True
        except _Refused:
            return Unanswered(f"the address of {url.host} is private, and not in TIDEGATE_OUTBOUND_NETWORKS"), False
        except (aiohttp.ClientError, OSError) as error:
            _log.warning("a metric provider's server could not be asked", host=url.host, error=type(error).__name__)
            return Unanswered(f"the server could not be asked: {type(error).__name__}"), True
        except ValueError as error:
            return Unanswered(str(error)), False
        if isinstance(reply, Reply) and echoes.repeats(reply.body, used):
            return Unanswered("the answer repeats a credential"), False
        failed = isinstance(reply, Reply) and (reply.status >= _SERVER_ERROR or reply.status == _OVERLOADED)
        return reply, failed

    def _with_secrets(self, request: Request) -> tuple[dict[str, str], bytes | None, tuple[str, ...]]:
        used = list(request.credentials)
        headers = {"Accept-Encoding": "identity"}
        for name, text in request.headers:
            filled = secrets.filled(text, request.namespace, self._secrets_directory)
            headers[name] = filled.text
            used += filled.secrets
        if request.body is None:
            return headers, None, tuple(used)
        filled = secrets.filled(request.body, request.namespace, self._secrets_directory)
        if any(mark in secret for secret in filled.secrets for mark in '"\\'):
            raise ValueError("a secret with quotes or backslashes can't be put into a body")
        return headers, filled.text.encode(), (*used, *filled.secrets)

    async def _followed(self, url: URL, method: str, headers: dict[str, str], body: bytes | None) -> Reply | Unusable:
        """Redirects lead from one place of a server to another one of the same, and only where nothing was sent."""
        for _ in range(REDIRECTS_MAX + 1):
            async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                if answer.status not in _REDIRECTS:
                    got = await read_body(answer)
                    return got if isinstance(got, Unusable) else Reply(answer.status, got)
                target = url.join(URL(answer.headers.get("Location", "")))
            if method != "GET" or addresses.server(target) != addresses.server(url) or self._policy.fault(target):
                return Unanswered("the server redirects to where it is not followed")
            url = target
        return Unanswered(f"the server redirects more than {REDIRECTS_MAX} times")


def _reason(reply: Reply | Unusable) -> str:
    return f"HTTP {reply.status}" if isinstance(reply, Reply) else reply.reason

"""Requests to the API server, one method per verb, with every limit and error named.

`worker`, `nodes` and `watch` call it. It retries nothing: its callers are level-triggered and decide again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import msgspec

from tidegate_sandbox.podlet.kubeconfig import Access
from tidegate_sandbox.podlet.telemetry import Telemetry

REQUESTS_IN_FLIGHT_MAX: Final = 48
REQUEST_TIMEOUT_S: Final = 10.0
CONNECT_TIMEOUT_S: Final = 3.0
WATCH_SILENCE_S: Final = 75.0
"""Bookmarks come about once a minute: a watch silent for longer is dead."""
READ_BUFFER_BYTES: Final = 2_097_152
STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"


class RefusedError(Exception):
    """The API server's answer is no: `code` says how, the message why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class UnreachableError(Exception):
    """No answer: whether a write was done is not known."""


class _Refusal(msgspec.Struct):
    message: str = ""


class Api:
    def __init__(self, access: Access, telemetry: Telemetry) -> None:
        self._access = access
        self._telemetry = telemetry
        self._slots = asyncio.Semaphore(REQUESTS_IN_FLIGHT_MAX)
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=REQUESTS_IN_FLIGHT_MAX + 4, ssl=access.ssl_context or False, keepalive_timeout=60.0
            ),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, connect=None, sock_connect=CONNECT_TIMEOUT_S),
            headers={**headers, "User-Agent": "tidegate-podlet", "Accept": JSON},
            read_bufsize=READ_BUFFER_BYTES,
            trust_env=False,
            auto_decompress=True,
            raise_for_status=False,
        )

    async def close(self) -> None:
        await self._session.close()

    async def get(self, path: str) -> bytes:
        return await self._request("GET", path, None, JSON)

    async def create(self, path: str, body: bytes) -> bytes:
        return await self._request("POST", path, body, JSON)

    async def patch(self, path: str, body: bytes, patch_type: str) -> bytes:
        return await self._request("PATCH", path, body, patch_type)

    async def delete(self, path: str, body: bytes) -> bytes:
        return await self._request("DELETE", path, body, JSON)

    async def _request(self, verb: str, path: str, body: bytes | None, content_type: str) -> bytes:
        async with self._slots:
            with self._telemetry.api_request(verb) as outcome:
                code, answer = await self._exchange(verb, path, body, content_type)
                outcome.code = code
        if code >= 400:  # noqa: PLR2004  HTTP's border between done and refused
            raise RefusedError(code, refusal_message(answer))
        return answer

    async def _exchange(self, verb: str, path: str, body: bytes | None, content_type: str) -> tuple[int, bytes]:
        headers = {"Content-Type": content_type} if body is not None else None
        try:
            async with self._session.request(
                verb, self._access.server + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"{verb} {path}: {type(error).__name__} {error}") from error

    @asynccontextmanager
    async def stream(self, path: str, parameters: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The chunks of an answer without end; errors while reading it are `UnreachableError` too."""
        timeout = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=WATCH_SILENCE_S
        )
        try:
            async with self._session.get(
                self._access.server + path, params=dict(parameters), timeout=timeout, allow_redirects=False
            ) as response:
                if response.status >= 400:  # noqa: PLR2004  as above
                    raise RefusedError(response.status, refusal_message(await response.read()))
                yield response.content.iter_any()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"watch {path}: {type(error).__name__} {error}") from error


def refusal_message(answer: bytes) -> str:
    """The message of a Status object, or the start of whatever came instead."""
    try:
        return msgspec.json.decode(answer, type=_Refusal).message
    except msgspec.DecodeError:
        return answer[:200].decode("utf-8", "replace")

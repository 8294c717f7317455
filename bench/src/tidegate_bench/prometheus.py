"""What the sandbox's Prometheus has seen, and since when."""

import asyncio
import time
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec

from tidegate_sandbox.state import SandboxState

POLL_S: Final = 0.2
TIMEOUT_S: Final = 10.0
RAW_RANGE: Final = "5m"


async def seen(state: SandboxState, query: str, within_s: float) -> None:
    """Until a query has an answer."""
    deadline_s = time.monotonic() + within_s
    while not await _result(state, query):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"Prometheus has no {query} within {within_s:g} s")
        await asyncio.sleep(POLL_S)


async def first_bad_s(state: SandboxState, series: str) -> float:
    """The time of a series' first sample that isn't 0: it is visible at that moment or a little later."""
    (found,) = await _result(state, f"{series}[{RAW_RANGE}]")
    return next(float(at_s) for at_s, value in found["values"] if float(value) > 0)


async def _result(state: SandboxState, query: str) -> Any:
    return await asyncio.to_thread(_asked, f"{state.prometheus_url}/api/v1/query?{urlencode({'query': query})}")


def _asked(url: str) -> Any:
    with urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the sandbox's own address
        return msgspec.json.decode(answer.read())["data"]["result"]

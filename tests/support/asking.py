"""Single requests through a proxy: which version answers, and that each reaches the one version that it is for."""

import asyncio
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec

from support.traffic import TrafficRig
from support.until import POLL_PERIOD_S

ANSWERS_WITHIN_S: Final = 20.0
TIMES: Final = 4
STREAK: Final = 8


class Asked(msgspec.Struct, frozen=True):
    """One request."""

    path: str = "/"
    headers: dict[str, str] = {}


ROOT: Final = Asked()


async def ask(rig: TrafficRig, host: str, request: Asked = ROOT) -> str | None:
    """The version that answers; None where the proxy itself does."""
    sent = request.headers | {"host": host}
    async with aiohttp.ClientSession() as session, session.get(rig.door_url + request.path, headers=sent) as answer:
        return answer.headers.get("x-version") if answer.status == HTTPStatus.OK else None


async def until_answered(rig: TrafficRig, host: str, version: str, request: Asked = ROOT) -> None:
    """Until the version alone answers: before it was pinned, the user's Service had the pods of both."""
    streak = 0
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while streak < STREAK:  # nothing says when the proxy has it
            streak = streak + 1 if await ask(rig, host, request) == version else 0
            await asyncio.sleep(POLL_PERIOD_S)


async def assert_sides(rig: TrafficRig, host: str, new: tuple[Asked, ...], stable: tuple[Asked, ...]) -> None:
    """Each request, several times, to the one version that it is for."""
    await until_answered(rig, host, "v2", new[0])
    for version, requests in (("v2", new), ("v1", stable)):
        for request in requests:
            assert {await ask(rig, host, request) for _ in range(TIMES)} == {version}, request

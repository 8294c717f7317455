"""Single requests through a proxy: which version answers, and that each reaches the one version that it is for."""

import asyncio
from http import HTTPStatus
from typing import Final, NamedTuple

import aiohttp
import msgspec

from support.steady_load import SteadyLoad
from support.traffic import TrafficRig
from support.until import POLL_PERIOD_S, until
from tidegate_contracts.rollout import HttpMatch

ANSWERS_WITHIN_S: Final = 20.0
TIMES: Final = 4
STREAK: Final = 8


class Asked(msgspec.Struct, frozen=True):
    """One request."""

    path: str = "/"
    headers: dict[str, str] = {}


ROOT: Final = Asked()


class Sides(NamedTuple):
    """Matches of every kind, and requests to either side of them."""

    matches: tuple[HttpMatch, ...]
    matched: tuple[Asked, ...]
    not_matched: tuple[Asked, ...]


def every_match(user: str) -> Sides:
    """Args:
    user: How the header that names the user is written in a match; requests have it in small letters.
    """
    sent = user.lower()
    return Sides(
        matches=(
            HttpMatch(headers={user: "ann"}),
            HttpMatch(headers_regex={sent: "b.*"}),
            HttpMatch(query={"beta": "1"}),
            HttpMatch(query_regex={"stage": "can.*"}),
            HttpMatch(path_exact="/only"),
            HttpMatch(path_prefix="/next"),
            HttpMatch(path_regex="/v[0-9]+"),
            HttpMatch(headers={"team": "a"}, query={"q": "1"}),
        ),
        matched=(
            Asked(headers={sent: "ann"}),
            Asked(headers={sent: "bob"}),
            Asked("/x?beta=1"),
            Asked("/?a=b&stage=canary"),
            Asked("/only"),
            Asked("/next"),
            Asked("/next/door?a=b"),
            Asked("/v12"),
            Asked("/?q=1", {"team": "a"}),
        ),
        not_matched=(
            ROOT,
            Asked(headers={sent: "anna"}),
            Asked(headers={sent: "a bob"}),
            Asked("/x?beta=12"),
            Asked("/?stage=acanary"),
            Asked("/only/x"),
            Asked("/nextdoor"),
            Asked("/v12/x"),
            Asked("/?q=1"),
            Asked(headers={"team": "a"}),
        ),
    )


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


async def until_shared(runs: list[SteadyLoad]) -> None:
    """Until each load sees the new version, to which no configuration before sent requests."""
    await until(
        lambda: all(run.answered()["v2"] for run in runs),
        within_s=ANSWERS_WITHIN_S,
        what="the new version's first answers",
    )

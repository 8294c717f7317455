"""What becomes of a question to Prometheus that gets no answer, without a server."""

import asyncio
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from yarl import URL

from tidegate_metrics_analyzer.providers.prometheus import Prometheus, PrometheusSettings
from tidegate_metrics_analyzer.question import Question, Subject, Unusable

QUESTION = Question(
    query="up",
    subject=Subject(namespace="shop", workload="web", stable_revision="a", revision="b"),
    window_s=60.0,
    at_s=1000.0,
    not_before_s=0.0,
)


class Hanging:
    """In place of a session: counts its requests and answers none, whatever the session's own limits are."""

    def __init__(self) -> None:
        self.asked = 0

    def post(self, *_: Any, **__: Any) -> "Hanging":
        self.asked += 1
        return self

    async def __aenter__(self) -> None:
        await asyncio.Event().wait()

    async def __aexit__(self, *_: object) -> None:
        raise AssertionError("it never answers")


def provider(session: Hanging, **settings: Any) -> Prometheus:
    return Prometheus(cast("aiohttp.ClientSession", session), URL("http://p/api/v1"), PrometheusSettings(**settings))


async def test_all_who_wait_for_an_answer_that_comes_too_late_are_told_at_once() -> None:
    session = Hanging()
    prometheus = provider(session, prometheus_timeout_s=0.05)
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(prometheus.ask(QUESTION) for _ in range(5)))
        values = await asyncio.gather(*(prometheus.ask_value(QUESTION) for _ in range(5)))
    assert answers == values == [Unusable("no answer within 0.05 s")] * 5
    assert session.asked == 2


@pytest.mark.parametrize("what", ["token", "authorization"])
async def test_a_credential_that_is_missing_is_told_and_nothing_is_asked(tmp_path: Path, what: str) -> None:
    session = Hanging()
    prometheus = provider(session, **{f"prometheus_{what}_file": str(tmp_path / "missing")})
    answer = await prometheus.ask(QUESTION)
    assert answer == Unusable(f"the {what} for Prometheus can't be read: FileNotFoundError")
    assert session.asked == 0

"""What becomes of a question to Prometheus that gets no answer, without a server."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from support.template_runs import Running, rate
from support.templates import TemplateShelf, template
from yarl import URL

from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.providers.prometheus import Prometheus, PrometheusSettings
from tidegate_metrics_analyzer.question import Question, Subject, Unanswered

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
    assert answers == values == [Unanswered("no answer within 0.05 s")] * 5
    assert session.asked == 2


@pytest.mark.parametrize("what", ["token", "authorization"])
async def test_a_credential_that_is_missing_is_told_and_nothing_is_asked(tmp_path: Path, what: str) -> None:
    session = Hanging()
    prometheus = provider(session, **{f"prometheus_{what}_file": str(tmp_path / "missing")})
    answer = await prometheus.ask(QUESTION)
    assert answer == Unanswered(f"the {what} for Prometheus can't be read: FileNotFoundError")
    assert session.asked == 0


OTHER_SERVER = "names another Prometheus than the one that is configured"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"address": "http://other:9090"}, OTHER_SERVER),
        ({"address": "http://["}, OTHER_SERVER),
        ({"headers": [{"key": "X-Scope-OrgID", "value": "shop"}]}, "the prometheus block is refused"),
        ({"authentication": {"sigv4": {"region": "eu-west-1"}}}, "the prometheus block is refused"),
        ({"insecure": True}, "the prometheus block is refused"),
        ({"rangeQuery": {"start": "now()", "end": "now()", "step": "soon"}}, "the prometheus block is refused"),
    ],
)
async def test_a_block_that_cannot_be_served_is_doubt_before_anything_is_asked(
    more: dict[str, Any], reason: str
) -> None:
    shelf = TemplateShelf(t=template(rate(provider={"prometheus": {"query": "up", **more}})))
    it, session = Running(shelf), Hanging()
    it.measurer = Measurer({"prometheus": provider(session)}, it.clock, shelf)
    await it.to_the_end()
    assert (it.run.verdict(), session.asked) == ("inconclusive", 0)
    assert "the metric errors can't be measured: " in it.reason
    assert reason in it.reason


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("up", None),
        (json.dumps({"query": "up", "address": "http://p"}), None),
        (json.dumps({"query": "up", "address": "http://p/"}), None),
        (json.dumps({"query": 'up{job="{{job}}"}', "address": "http://p"}), "unknown placeholder 'job'"),
    ],
)
def test_a_block_is_checked_as_the_query_alone_is(query: str, fault: str | None) -> None:
    found = provider(Hanging()).fault(query)
    assert found is None if fault is None else fault in (found or "")

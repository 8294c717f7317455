"""A real Alertmanager's word, and the real load tester of Flagger as a gate, a load test and a reason to go back.

Each is made once in the sandbox's cache, which takes some minutes: `make test-thorough` plays this.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest
from analyzer_bench import KEY, Bench, Copy, analyse
from support.told_by import alertmanager, loadtester
from support.until import POLL_PERIOD_S, until

from tidegate_contracts.orders import Analyse
from tidegate_contracts.outside import AlertWatch
from tidegate_contracts.rollout import Analysis, Check

pytestmark = [pytest.mark.nats, pytest.mark.thorough, pytest.mark.timeout(900)]  # for the first build

PAGES: Final = AlertWatch(name="pages", labels={"deployment": "{{workload}}", "severity": ("critical", "page")})
LABELS: Final = {"alertname": "CheckoutErrors", "namespace": KEY.namespace, "deployment": "web", "severity": "page"}
AT_ONCE_S: Final = 1.0
"""From the alert's arrival at Alertmanager to the verdict; 33 ms were measured on idle cores."""

NOTIFIED_WITHIN_S: Final = 10.0
FLAGGERS_NAME: Final = {"name": KEY.name, "namespace": KEY.namespace}


def order(*checks: Check, alerts: tuple[AlertWatch, ...] = (), revision: int = 1) -> Analyse:
    analysis = Analysis(checks=checks, alerts=alerts)
    return msgspec.structs.replace(analyse(1), step_analysis=analysis, revision=revision)


def metric(count: int = 2) -> Check:
    return Check(name="errors", query="rate(step[{{window}}])", maximum=0.05, interval_s=0.1, count=count)


async def post(url: str, document: Any) -> int:
    async with aiohttp.ClientSession() as session, session.post(url, json=document) as answer:
        return answer.status


async def alert(url: str, **labels: str) -> None:
    """As a Prometheus tells its Alertmanager."""
    started_at = datetime.now(UTC).isoformat()
    document = [{"labels": {**LABELS, **labels}, "annotations": {"summary": "checkouts fail"}, "startsAt": started_at}]
    assert await post(f"{url}/api/v2/alerts", document) == 200


async def _taken(copy: Copy, count: int) -> None:
    """Until the analyzer has been notified of so many alerts."""
    async with asyncio.timeout(NOTIFIED_WITHIN_S):
        while f'tidegate_alerts_notified_total{{outcome="taken"}} {count}.0' not in await copy.metrics():  # noqa: ASYNC110
            await asyncio.sleep(POLL_PERIOD_S)


async def test_a_real_alertmanager_fails_a_step_at_once(bench: Bench, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("token-of-the-webhook")
    copy = await bench.start(TIDEGATE_ALERTS_TOKEN_FILE=str(token))
    async with alertmanager(tmp_path, copy.address, token) as url:
        await bench.order(order(metric(2000), alerts=(PAGES,)))
        await until(lambda: len(bench.metrics.queries) >= 3, within_s=10, what="measurements")
        await alert(url, severity="warning")
        await alert(url, namespace="another")
        await _taken(copy, 2)
        assert await bench.facts() == []
        said_at_s = time.time()
        await alert(url)
        fact = await bench.concluded(1)
    assert fact.verdict == "fail"
    assert fact.at_s - said_at_s < AT_ONCE_S
    assert "CheckoutErrors" in fact.reason


@pytest.fixture
async def tester(bench: Bench, tmp_path: Path) -> AsyncIterator[str]:
    async with loadtester(tmp_path) as url:
        await bench.start(TIDEGATE_OUTBOUND_URLS=url, TIDEGATE_OUTBOUND_NETWORKS="127.0.0.0/8")
        yield url


def asked(url: str, path: str, *, closed: str = "wait", metadata: dict[str, str] | None = None, **more: Any) -> Check:
    query = json.dumps({"url": url + path, "closed": closed, "metadata": metadata or {}})
    given = {"minimum": 1.0, "count": 1, "interval_s": 0.1, "inconclusive_limit": 3} | more
    return Check(name="gate", provider="webhook", query=query, **given)  # type: ignore[arg-type]


async def test_its_gates_open_wait_and_fail(bench: Bench, tester: str) -> None:
    """What each answer comes to; a gate that waits for long enough is no verdict."""
    fails = {"closed": "fail", "failure_limit": 1}
    wanted = {"/gate/approve": ({}, "pass"), "/gate/halt": ({}, "inconclusive"), "/gate/check": (fails, "fail")}
    for number, (path, (more, verdict)) in enumerate(wanted.items(), start=1):
        await bench.order(order(asked(tester, path, **more), revision=number))
        fact = await bench.concluded(number)
        assert (path, fact.verdict) == (path, verdict), fact.reason
    assert "the gate is closed (HTTP 403)" in str(await bench.facts())


async def test_a_closed_gate_is_waited_for_until_somebody_opens_it(bench: Bench, tester: str) -> None:
    await bench.order(order(asked(tester, "/gate/check", inconclusive_limit=700), metric()))
    await until(lambda: len(bench.metrics.queries) >= 5, within_s=10, what="measurements")
    assert await bench.facts() == []
    assert await post(f"{tester}/gate/open", FLAGGERS_NAME) == 202
    fact = await bench.concluded(1)
    assert fact.verdict == "pass"
    assert fact.measurements[0].inconclusive > 0


async def test_its_rollback_gate_fails_a_step_once_somebody_opens_it(bench: Bench, tester: str) -> None:
    """Flagger's `rollback` hook: there an answer of 200 is what speaks against the version."""
    going_back = asked(tester, "/rollback/check", closed="fail", minimum=None, maximum=0.0, failure_limit=1, count=2000)
    await bench.order(order(going_back, metric()))
    await until(lambda: len(bench.metrics.queries) >= 5, within_s=10, what="measurements")
    assert await bench.facts() == []
    assert await post(f"{tester}/rollback/open", FLAGGERS_NAME) == 202
    assert (await bench.concluded(1)).verdict == "fail"


async def test_it_runs_a_load_test_and_tells_of_a_test_that_failed(bench: Bench, tester: str, tmp_path: Path) -> None:
    mark = tmp_path / "loaded"
    load = {"type": "cmd", "cmd": f"echo load >> {mark}"}
    await bench.order(order(asked(tester, "/", metadata=load)))
    assert (await bench.concluded(1)).verdict == "pass", "a load test is started, not waited for"
    await until(mark.exists, within_s=5, what="the load test's own doing")
    for revision, (command, verdict) in enumerate({"true": "pass", "false": "fail"}.items(), start=2):
        acceptance = asked(tester, "/", closed="fail", failure_limit=1, metadata={"type": "bash", "cmd": command})
        await bench.order(order(acceptance, revision=revision))
        assert (await bench.concluded(revision)).verdict == verdict

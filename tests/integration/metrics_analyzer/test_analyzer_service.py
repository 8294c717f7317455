"""The analyzer as the process that is shipped, on a real bus: orders in, facts out, through kills and successors."""

import asyncio
import json
import re
from pathlib import Path

import msgspec
import pytest
from analyzer_bench import KEY, USER, Bench, analyse
from nats.aio.msg import Msg
from support.until import until

from tidegate_chassis.keepsakes import Keepsakes
from tidegate_contracts import subjects
from tidegate_contracts.codec import telemetry_decoder
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import ReleaseAnalysis
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_contracts.workload import WorkloadReference

pytestmark = pytest.mark.nats


async def test_an_order_becomes_a_verdict_and_its_release_ends_the_measuring(bench: Bench) -> None:
    copy = await bench.start()
    await bench.order(analyse(1, background=True))
    fact = await bench.concluded(1)
    assert (fact.verdict, fact.scope, fact.step) == ("pass", "step", 1)
    assert fact.measurements[0].values == (0.0, 0.0, 0.0)
    metrics = await copy.metrics()
    assert 'tidegate_verdicts_total{scope="step",verdict="pass"} 1.0' in metrics
    assert 'tidegate_measurements_total{outcome="in_range",provider="prometheus"}' in metrics
    assert not re.search(r"\bweb\b", metrics), "no label names a workload"

    await bench.order(ReleaseAnalysis(rollout="r-1", revision=2, workload=WorkloadReference(name="web")))
    await bench.released(2)
    asked = len(bench.metrics.queries)
    await asyncio.sleep(1.5)
    assert len(bench.metrics.queries) == asked


async def test_measurements_are_seen_on_the_telemetry_subjects(bench: Bench) -> None:
    seen: list[MetricsMeasured] = []

    async def on_message(message: Msg) -> None:
        telemetry = telemetry_decoder.decode(message.data)
        assert isinstance(telemetry, MetricsMeasured)
        seen.append(telemetry)

    await bench.start()
    async with bench.server.connected("operator") as connection:
        await connection.client.subscribe(subjects.telemetry(KEY, "r-1", USER), cb=on_message)
        await connection.client.flush()
        await bench.order(analyse(1, count=1000))
        await until(lambda: len(seen) >= 2, within_s=10, what="telemetry")
    assert seen[-1].measurements[0].measured > seen[0].measurements[0].measured


async def test_another_copy_takes_a_killed_ones_order_over_and_judges_it(bench: Bench) -> None:
    first = await bench.start()
    await bench.order(analyse(1, count=100_000))
    await until(lambda: len(bench.metrics.queries) >= 3, within_s=10, what="measurements")
    await bench.start()
    await first.kill()
    bench.metrics.value = 0.9
    fact = await bench.concluded(1)
    assert fact.verdict == "fail"


async def test_a_killed_copys_samples_are_its_successors_each_counted_once(bench: Bench) -> None:
    first = await bench.start()
    order = analyse(1, count=12)
    (check,) = order.step_analysis.checks if order.step_analysis is not None else ()
    slow = msgspec.structs.replace(check, interval_s=0.5)
    await bench.order(msgspec.structs.replace(order, step_analysis=Analysis(checks=(slow,))))
    await until(lambda: len(bench.metrics.queries) >= 1, within_s=10, what="a measurement")
    await bench.start()  # before enough is measured: it takes a while
    await until(lambda: len(bench.metrics.queries) >= 4, within_s=10, what="measurements")
    asked = len(bench.metrics.queries)
    assert asked < 12
    await first.kill()
    fact = await bench.concluded(1, within_s=20)
    (found,) = fact.measurements
    assert (fact.verdict, found.measured, found.values) == ("pass", 12, (0.0,) * 12)
    assert len(bench.metrics.queries) - 12 in (0, 1), "at most the last one was asked for twice, and counted once"


async def test_a_stopped_copy_hands_its_order_over_at_once(bench: Bench) -> None:
    first = await bench.start()
    await bench.order(analyse(1, count=100_000))
    await until(lambda: len(bench.metrics.queries) >= 3, within_s=10, what="measurements")
    await bench.start()
    first.process.terminate()
    assert await first.process.wait() == 0
    bench.metrics.value = 0.9
    assert (await bench.concluded(1, within_s=4)).verdict == "fail"


async def test_a_newer_order_ends_the_older_ones_measuring(bench: Bench) -> None:
    await bench.start()
    await bench.order(analyse(1, query="old", count=100_000))
    await until(lambda: "rate(old" in bench.metrics.queries[-1:], within_s=10, what="a measurement of the old order")
    await bench.order(analyse(2, query="new"))
    assert (await bench.concluded(2)).verdict == "pass"
    assert set(bench.metrics.queries[-3:]) == {"rate(new"}
    assert all(isinstance(fact, AnalysisConcluded) and fact.order_revision == 2 for fact in await bench.facts())


async def test_no_credential_is_in_anything_that_the_analyzer_gives_away(bench: Bench, tmp_path: Path) -> None:
    """Secrets reach the servers that they are for, and neither events, nor telemetry, what is left for successors, logs
    and metrics.
    """
    canary = "canary-5e1f-secret"
    seen: list[bytes] = []
    for path in ("shop/quality/token", "shop/quality/password", "datadog"):
        file = tmp_path / "secrets" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(canary)
    copy = await bench.start(
        TIDEGATE_OUTBOUND_URLS=bench.metrics.url,
        TIDEGATE_OUTBOUND_NETWORKS="127.0.0.0/8",
        TIDEGATE_SECRETS_DIRECTORY=str(tmp_path / "secrets"),
        TIDEGATE_DATADOG_URL=f"{bench.metrics.url}/echo",
        TIDEGATE_DATADOG_API_KEY_FILE=str(tmp_path / "secrets" / "datadog"),
        TIDEGATE_DATADOG_APPLICATION_KEY_FILE=str(tmp_path / "secrets" / "datadog"),
        TIDEGATE_LOG_LEVEL="debug",
    )
    checks = _checks_with_secrets(bench.metrics.url)

    async def on_message(message: Msg) -> None:
        seen.append(message.data)

    async with bench.server.connected("operator") as connection:
        await connection.client.subscribe(subjects.telemetry(KEY, "r-1", USER), cb=on_message)
        await connection.client.flush()
        both = {"step_analysis": Analysis(checks=checks), "background_analysis": Analysis(checks=checks)}
        await bench.order(msgspec.structs.replace(analyse(1), **both))
        fact = await bench.concluded(1, within_s=20)
        await until(lambda: seen, within_s=10, what="telemetry")
    async with bench.server.connected(USER) as connection, asyncio.timeout(10):
        while (left := await Keepsakes(connection, USER).get(KEY)) is None:  # noqa: ASYNC110 - left without a word
            await asyncio.sleep(0.05)
    reasons = {found.check: found.reason for found in fact.measurements}
    assert fact.verdict == "inconclusive"
    assert "repeats a credential" in reasons["back"]
    assert "doesn't belong into an address" in reasons["address"]
    assert "HTTP 500" in reasons["error"] or "not asked" in reasons["error"]
    assert sum(canary in told for told in bench.metrics.told) >= len(checks) - 1, "the servers got the secrets"
    given_away = [
        repr(await bench.facts()),
        repr(seen),
        repr(left),
        copy.log.read_text(),
        await copy.metrics(),
        repr(fact),
    ]
    assert [canary in text for text in given_away] == [False] * len(given_away)


def _checks_with_secrets(url: str) -> tuple[Check, ...]:
    header = {"key": "Authorization", "value": "Bearer ${secret:quality/token}"}
    asked = {how: {"url": f"{url}/echo/{how}", "headers": [header]} for how in ("well", "back", "error")}
    documents = {
        **asked,
        "posted": {**asked["well"], "method": "POST", "jsonBody": {"password": "${secret:quality/password}"}},
        "address": {"url": f"{url}/echo/well?token=${{secret:quality/token}}"},
    }
    queries = {name: ("web", json.dumps(document)) for name, document in documents.items()}
    queries["datadog"] = ("datadog", '{"query": "avg:x{*}"}')
    return tuple(
        Check(name=name, provider=provider, query=query, minimum=1.0, interval_s=0.05, inconclusive_limit=3)
        for name, (provider, query) in queries.items()
    )

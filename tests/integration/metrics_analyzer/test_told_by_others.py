"""Verdicts and alerts from outside on a real bus: each acts at once, through kills, forgeries and repetitions."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from analyzer_bench import KEY, USER, Bench, Copy, analyse
from support.until import until

from tidegate_chassis import reading
from tidegate_chassis.following import REREAD_S
from tidegate_contracts import signing, subjects
from tidegate_contracts.codec import encode
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict, VerdictWord
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.topology import ALERTS
from tidegate_contracts.verdicts import VerdictGiven

pytestmark = pytest.mark.nats

TESTS, PEOPLE = AwaitedVerdict(name="tests"), AwaitedVerdict(name="people")
PAGES = AlertWatch(name="pages", labels={"deployment": "{{workload}}", "severity": ("critical", "page")})
TOKEN = "token-of-the-webhook"
AT_ONCE_S = REREAD_S / 3
"""From saying it to the verdict, on cores that others use, too: well before the streams would be read again anyway."""


def waiting_for(*awaited: AwaitedVerdict, alerts: tuple[AlertWatch, ...] = ()) -> Analyse:
    check = Check(name="errors", query="rate(step[{{window}}])", maximum=0.05, interval_s=0.1, count=2)
    analysis = Analysis(checks=(check,), verdicts=awaited, alerts=alerts)
    return msgspec.structs.replace(analyse(1), step_analysis=analysis)


async def give(bench: Bench, word: VerdictWord, check: str, *, key: str = "", id: str = "v") -> None:  # noqa: A002
    """As anybody would who may write to the subject."""
    subject = subjects.verdict("default", KEY.namespace, "r-1", check)
    payload = encode(VerdictGiven(verdict=word, reason="so it is", by="alice", issued_at_s=time.time()))
    headers = signing.headers("ci", key, subject, payload) if key else {}
    async with bench.server.connected("operator") as connection:
        await connection.client.jetstream().publish(subject, payload, headers={"Nats-Msg-Id": id, **headers})


async def begun(bench: Bench, times: int = 3) -> None:
    await until(lambda: len(bench.metrics.queries) >= times, within_s=10, what="measurements")


async def test_a_verdict_that_is_pushed_ends_the_wait_at_once(bench: Bench) -> None:
    copy = await bench.start()
    assert await notify(copy, notification("firing", time.time())) == 405, "without a token there is no webhook"
    await bench.order(waiting_for(TESTS))
    await begun(bench)
    assert await bench.facts() == []
    said_at_s = time.time()
    await give(bench, "pass", "tests")
    fact = await bench.concluded(1)
    assert (fact.verdict, fact.at_s - said_at_s < AT_ONCE_S) == ("pass", True)
    assert fact.measurements[1].told is not None
    assert (fact.measurements[1].told.by, fact.measurements[1].told.id) == ("alice", "v")
    await give(bench, "fail", "tests", id="late")
    await bench.order(msgspec.structs.replace(waiting_for(PEOPLE), revision=2))
    await give(bench, "pass", "people", id="next")  # comes to the copy after the late one
    await bench.concluded(2)
    told = [fact for fact in await bench.facts() if isinstance(fact, AnalysisConcluded)]
    assert [(each.order_revision, each.verdict) for each in told] == [(1, "pass"), (2, "pass")]


async def test_what_was_said_outlives_the_copy_that_heard_it(bench: Bench) -> None:
    first = await bench.start()
    await bench.order(waiting_for(TESTS, PEOPLE))
    await begun(bench)
    await give(bench, "pass", "tests")
    await first.kill()
    await give(bench, "pass", "people", id="while nobody hears")
    await bench.start()
    fact = await bench.concluded(1, within_s=15)
    assert fact.verdict == "pass"
    assert [found.told is not None for found in fact.measurements] == [False, True, True]


async def test_only_a_signature_of_the_right_key_counts(bench: Bench, tmp_path: Path) -> None:
    key = "k" * 40
    (tmp_path / "keys" / KEY.namespace).mkdir(parents=True)
    (tmp_path / "keys" / KEY.namespace / "ci").write_text(f"{key}\n")

    copy = await bench.start(TIDEGATE_VERDICT_KEYS_DIRECTORY=str(tmp_path / "keys"))
    await bench.order(waiting_for(AwaitedVerdict(name="tests", signed_by=("ci",))))
    await begun(bench)
    await give(bench, "pass", "tests", id="unsigned")
    await give(bench, "pass", "tests", key="x" * 40, id="forged")
    await until(lambda: "forged" in copy.log.read_text(), within_s=5, what="a refusal in the log")
    assert await bench.facts() == []
    await give(bench, "fail", "tests", key=key, id="signed")
    fact = await bench.concluded(1)
    told = fact.measurements[1].told
    assert told is not None
    assert (fact.verdict, told.key, told.id) == ("fail", "ci", "signed")
    assert key not in copy.log.read_text() + await copy.metrics() + repr(await bench.facts())
    assert 'tidegate_told_total{kind="verdict",word="refused"} 2.0' in await copy.metrics()


def notification(status: str, started_at_s: float, **labels: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(started_at_s, UTC).isoformat()
    given = {"alertname": "CheckoutErrors", "namespace": KEY.namespace, "deployment": "web", "severity": "page"}
    alert = {
        "status": status,
        "labels": {**given, **labels},
        "annotations": {"summary": "checkouts fail"},
        "startsAt": moment,
        "endsAt": moment if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example/graph",
        "fingerprint": "f" + "".join(labels.values()),
    }
    return {"version": "4", "status": status, "receiver": "tidegate", "alerts": [alert]}


async def notify(copy: Copy, document: dict[str, Any], token: str = TOKEN) -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{copy.address}/alerts", data=json.dumps(document), headers=headers) as answer,
    ):
        return answer.status


async def test_an_alertmanager_fails_a_step_whichever_copy_it_calls(bench: Bench, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    await bench.start()
    await bench.order(waiting_for(PEOPLE, alerts=(PAGES,)))
    await begun(bench)
    other = await bench.start(TIDEGATE_ALERTS_TOKEN_FILE=str(token))
    started_at_s = time.time()
    assert await notify(other, notification("firing", started_at_s), token="wrong") == 401
    assert await notify(other, notification("resolved", started_at_s, pod="p")) == 200
    assert await notify(other, notification("firing", started_at_s, severity="warning")) == 200
    assert await notify(other, notification("firing", started_at_s, namespace="another")) == 200
    await begun(bench, len(bench.metrics.queries) + 5)
    assert await bench.facts() == []
    said_at_s = time.time()
    for _ in range(3):
        assert await notify(other, notification("firing", started_at_s)) == 200
    fact = await bench.concluded(1)
    assert (fact.verdict, fact.at_s - said_at_s < AT_ONCE_S) == ("fail", True)
    assert "pages: the alert CheckoutErrors has fired since" in fact.reason
    assert fact.reason.endswith("UTC: checkouts fail")
    async with bench.server.connected(USER) as connection:
        stored = await reading.many(connection, ALERTS, subjects.alerts("default", KEY.namespace))
    assert len(stored) == 3, "a repeated notification is stored once"
    assert len(await bench.facts()) == 1

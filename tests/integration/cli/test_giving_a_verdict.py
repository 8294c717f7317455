"""`tidegate verdict` on a real bus: what is stored, signed and told, and what is not said at all."""

from pathlib import Path

import pytest
from scripted_orchestrator import ScriptedOrchestrator
from support.nats import NatsServer
from tidegate_command import Tidegate

from tidegate_chassis import reading
from tidegate_chassis.message import Message
from tidegate_contracts import decisions, signing, subjects
from tidegate_contracts.codec import decode_verdict
from tidegate_contracts.outside import AwaitedVerdict
from tidegate_contracts.plan import plan
from tidegate_contracts.rollout import Analysis, Bake, RolloutRequested, Step
from tidegate_contracts.topology import VERDICTS
from tidegate_contracts.verdicts import VerdictGiven
from tidegate_contracts.workload import WorkloadReference

pytestmark = pytest.mark.nats

WAITING = Analysis(verdicts=(AwaitedVerdict(name="tests", signed_by=("ci",)),))
AT_LAST = Bake(duration_s=60.0, analysis=Analysis(verdicts=(AwaitedVerdict(name="people"),)))
ASKED = RolloutRequested(
    workload=WorkloadReference(name="web"), steps=(Step(replicas="20%", analysis=WAITING),), bake=AT_LAST
)
KEY = "k" * 40


async def start(orchestrator: ScriptedOrchestrator) -> None:
    await orchestrator.decide("web-1", decisions.RolloutAccepted, request=ASKED, plan=plan(ASKED))


async def stored(bus: NatsServer) -> list[Message]:
    async with bus.connected("metrics-analyzer") as connection:
        return await reading.many(connection, VERDICTS, subjects.rollout_verdicts("default", "default", "web-1"))


async def test_a_bake_waits_for_verdicts_too(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    await start(orchestrator)
    ended = await tidegate("verdict", "web-1", "pass", "--check", "people", "--reason", "all is well")
    assert ended.code == 0, ended.err


async def test_a_verdict_is_stored_with_all_that_was_said(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, bus: NatsServer
) -> None:
    await start(orchestrator)
    given = ("verdict", "web-1", "fail", "--check", "tests", "--step", "1", "--reason", "2 of 310 failed")
    more = ("--by", "alice", "--link", "https://ci.example/1", "--figure", "failed=2", "--figure", "ran=310")
    ended = await tidegate(*given, *more, "--id", "run-1", "-o", "json")
    assert ended.code == 0, ended.err
    outcome = {"rollout": "web-1", "check": "tests", "verdict": "fail", "step": 1, "message_id": "run-1"}
    assert ended.json == {**outcome, "outcome": "stored"}
    again = await tidegate(*given, "--id", "run-1")
    assert (again.code, again.out.strip()) == (0, "tests: fail for rollout web-1 stored before")
    (message,) = await stored(bus)
    said = decode_verdict(message.payload)
    assert said.issued_at_s is not None
    assert abs(said.issued_at_s - message.time_s) < 5
    assert said == VerdictGiven(
        verdict="fail",
        reason="2 of 310 failed",
        step=1,
        by="alice",
        issued_at_s=said.issued_at_s,
        link="https://ci.example/1",
        figures={"failed": 2.0, "ran": 310.0},
    )
    assert (message.id, signing.SIGNATURE in message.headers) == ("run-1", False)


async def test_a_verdict_is_signed_with_the_key_of_a_file(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, bus: NatsServer, tmp_path: Path
) -> None:
    await start(orchestrator)
    file = tmp_path / "ci"
    file.write_text(f"{KEY}\n")
    given = ("verdict", "web-1", "pass", "--check", "tests", "--reason", "all passed", "--key-file", str(file))
    assert (await tidegate(*given)).code == 0
    assert (await tidegate(*given, "--key", "other", user="requester")).code == 0
    messages = await stored(bus)
    assert [message.headers[signing.KEY] for message in messages] == ["ci", "other"]
    for message in messages:
        assert signing.is_signature(message.headers[signing.SIGNATURE], KEY, message.subject, message.payload)
    file.write_text("short")
    refused = await tidegate(*given)
    assert (refused.code, "32 to 8192 characters" in refused.err) == (2, True)
    assert (await tidegate(*given[:-1], str(tmp_path / "none"))).code == 2


NOT_SAID = [
    (("web-1", "pass", "--check", "another", "--reason", "ok"), 3, "one of the verdicts"),
    (("web-1", "pass", "--check", "tests", "--reason", ""), 3, "reason"),
    (("web-1", "pass", "--check", "tests", "--reason", "ok", "--link", "file:///x"), 3, "link"),
    (("web-1", "pass", "--check", "tests", "--reason", "ok", "--figure", "x"), 2, "NAME=NUMBER"),
    (("web-1", "pass", "--check", "tests", "--reason", "ok", "--figure", "x=nan"), 3, "finite"),
    (("web-1", "pass", "--check", "Tests", "--reason", "ok"), 2, "--check"),
    (("web.1", "pass", "--check", "tests", "--reason", "ok"), 2, "ID"),
    (("web-1", "perhaps", "--check", "tests", "--reason", "ok"), 2, "perhaps"),
    (("web-9", "pass", "--check", "tests", "--reason", "ok"), 4, "web-9"),
    (
        ("web-1", "pass", "--check", "tests", "--reason", "ok", "-n", "payments", "--user", "requester"),
        6,
        "may not",
    ),
]
"""What is asked for, the exit code, and a part of what is said about it."""


async def test_what_can_not_be_said_is_not(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, bus: NatsServer
) -> None:
    await start(orchestrator)
    for arguments, code, text in NOT_SAID:
        user = "requester" if "requester" in arguments else "operator"
        ended = await tidegate("verdict", *arguments, user=user)
        assert (ended.code, text in ended.err) == (code, True), (arguments, ended.err)
    assert await stored(bus) == []


async def test_a_rollout_that_has_ended_needs_no_verdict(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    await start(orchestrator)
    await orchestrator.decide("web-1", decisions.RolloutCompleted)
    ended = await tidegate("verdict", "web-1", "pass", "--check", "tests", "--reason", "ok")
    assert (ended.code, "has not ended (completed)" in ended.err) == (3, True)

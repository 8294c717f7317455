"""list, show, watch, history and events on a real bus, with histories longer than one batch."""

import asyncio
import json
import os
import signal
import sys

import pytest
from scripted_orchestrator import ScriptedOrchestrator
from support.nats import NatsServer
from tidegate_command import Tidegate, environment

from tidegate_contracts import decisions
from tidegate_contracts.plan import plan
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.workload import WorkloadReference

pytestmark = pytest.mark.nats

INTERRUPTIBLE = ("env", "--default-signal=INT")
"""A shell starts what is in its background with interrupts ignored, and so would be all that is started from there."""

ASKED = RolloutRequested(workload=WorkloadReference(name="web"), steps=(Step(replicas="20%"),))
MORE_THAN_A_BATCH = 300
LONGER_THAN_A_WATCHER_WAITS_S = 4.0


async def start(orchestrator: ScriptedOrchestrator, rollout: str) -> None:
    await orchestrator.decide(rollout, decisions.RolloutAccepted, request=ASKED, plan=plan(ASKED))
    await orchestrator.decide(rollout, decisions.StepStarted, step=1)


async def test_the_list_shows_what_goes_on_first(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    await start(orchestrator, "web-1")
    await orchestrator.decide("web-1", decisions.RolloutRolledBack, reason="bad")
    await start(orchestrator, "web-2")
    ended = await tidegate("list", "-o", "json")
    assert [(view["rollout"], view["phase"]) for view in ended.json] == [
        ("web-2", "adding pods"),
        ("web-1", "rolled back"),
    ]
    text = await tidegate("list", user="auditor")
    assert "web-2" in text.out
    assert "the step's pods to be ready" in text.out


async def test_an_open_rollout_is_listed_however_old_it_is(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    await start(orchestrator, "web-1")
    await start(orchestrator, "web-2")
    await orchestrator.decide("web-2", decisions.RolloutCompleted)
    await asyncio.sleep(1.1)
    ended = await tidegate("list", "--since", "1s", "-o", "json")
    assert [(view["rollout"], view["workload"]) for view in ended.json] == [("web-1", "web")]


async def test_a_rollout_is_shown_with_its_steps(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    await start(orchestrator, "web-1")
    await orchestrator.decide("web-1", decisions.PauseStarted, step=1, until_s=None)
    ended = await tidegate("show", "web-1")
    assert ended.code == 0, ended.err
    assert "somebody to approve the step" in ended.out
    shown = (await tidegate("show", "web-1", "-o", "json")).json
    assert (shown["namespace"], shown["step"], len(shown["steps"])) == ("default", 1, 2)


async def test_what_is_not_there_is_not_found(tidegate: Tidegate) -> None:
    for command in ("show", "history", "watch"):
        assert (await tidegate(command, "nobody-1")).code == 4


async def test_no_name_is_asked_for_on_the_bus_that_is_none(tidegate: Tidegate) -> None:
    assert (await tidegate("show", "a.>")).code == 2


async def test_watching_ends_with_the_rollout_and_tells_how(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    await start(orchestrator, "web-1")
    await orchestrator.decide("web-1", decisions.RolloutRolledBack, reason="error rate 0.1")
    ended = await tidegate("watch", "web-1", apart=True)
    assert ended.code == 8
    assert "error rate 0.1" in ended.err


async def test_watching_outlives_a_restart_of_the_bus(bus: NatsServer) -> None:
    async with bus.connected("orchestrator") as connection:
        await start(ScriptedOrchestrator(connection), "web-1")
    watching = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidegate_cli", "watch", "web-1", "-o", "json", "--timeout", "1"),
        env=environment(bus.url, "operator"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert watching.stdout is not None
    try:
        async with asyncio.timeout(60):
            seen = [json.loads(await watching.stdout.readline())["phase"] for _ in range(2)]
            await bus.kill()
            await asyncio.sleep(LONGER_THAN_A_WATCHER_WAITS_S)
            await bus.start()
            async with bus.connected("orchestrator") as connection:
                orchestrator = ScriptedOrchestrator(connection)
                orchestrator.revision = 2
                await orchestrator.decide("web-1", decisions.RolloutCompleted)
            seen.append(json.loads(await watching.stdout.readline())["phase"])
            assert await watching.wait() == 0
    finally:
        if watching.returncode is None:
            watching.kill()
            await watching.wait()
    assert seen == ["preparing", "adding pods", "completed"]


async def test_a_long_history_is_printed_whole_and_in_order(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    await start(orchestrator, "web-1")
    for step in range(MORE_THAN_A_BATCH):
        await orchestrator.decide("web-1", decisions.StepRetried, step=step, by="alice")
    ended = await tidegate("history", "web-1", "-o", "json")
    events = ended.json
    assert [event["data"].get("step") for event in events[2:]] == list(range(MORE_THAN_A_BATCH))
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
    assert events[0]["type"] == "rollout.accepted.v1"
    assert events[0]["specversion"] == "1.0"


async def test_events_are_followed_as_they_come(
    bus: NatsServer, tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    await start(orchestrator, "web-1")
    following = await asyncio.create_subprocess_exec(
        *INTERRUPTIBLE,
        *(sys.executable, "-m", "tidegate_cli", "events", "--follow", "--since", "1h", "-o", "json"),
        env=environment(bus.url, "auditor"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert following.stdout is not None
    try:
        async with asyncio.timeout(20):
            stored = [json.loads(await following.stdout.readline()) for _ in range(2)]
            await orchestrator.decide("web-1", decisions.RolloutCompleted)
            live = json.loads(await following.stdout.readline())
        assert [event["type"] for event in stored] == ["rollout.accepted.v1", "rollout.step-started.v1"]
        assert live["type"] == "rollout.completed.v1"
    finally:
        os.kill(following.pid, signal.SIGINT)
        assert await following.wait() == 130


async def test_events_of_another_namespace_need_asking_for(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    await start(orchestrator, "web-1")
    assert (await tidegate("events", "-n", "payments", "-o", "json")).out == ""
    assert len((await tidegate("events", "-n", "payments", "-A", "-o", "json")).out.splitlines()) == 2


async def test_a_requester_may_not_read_the_history(tidegate: Tidegate) -> None:
    ended = await tidegate("list", user="requester")
    assert ended.code == 6

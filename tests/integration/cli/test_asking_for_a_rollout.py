"""`tidegate request` on a real bus: accepted, rejected, unanswered, known before, refused by the server."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from scripted_orchestrator import ScriptedOrchestrator
from support.until import until
from tidegate_command import REQUEST, Tidegate

from tidegate_contracts import decisions
from tidegate_contracts.problem import Problem

pytestmark = pytest.mark.nats


async def test_a_dry_run_prints_the_plan_and_says_nothing(tidegate: Tidegate, request_file: Path) -> None:
    ended = await tidegate(
        "request", "-f", str(request_file), "--dry-run", "-o", "json", url="nats://127.0.0.1:1", apart=True
    )
    assert ended.code == 0
    assert [step["target"]["percent"] for step in ended.json["plan"]] == [20, 100]
    assert ended.json["plan"][1]["added"] is True


async def test_an_accepted_request_prints_its_rollout(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, request_file: Path
) -> None:
    ended = await tidegate("request", "-f", str(request_file), "-o", "json")
    assert ended.code == 0, ended.err
    assert (ended.json["rollout"], ended.json["outcome"]) == ("web-1", "accepted")


async def test_yaml_on_standard_input_gets_an_id_made_from_the_messages(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    text = "workload: {name: web}\nsteps:\n- replicas: 1\n"
    ended = await tidegate("request", "-f", "-", given=text, apart=True)
    assert ended.code == 0, ended.err
    assert ended.out.startswith("rollout r-")
    assert ended.out.endswith(" accepted\n")


async def test_the_same_id_again_starts_nothing_again(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, request_file: Path
) -> None:
    for _ in range(2):
        ended = await tidegate("request", "-f", str(request_file), "--id", "pipeline-7", "-o", "json")
        assert (ended.code, ended.json["outcome"], ended.json["message_id"]) == (0, "accepted", "pipeline-7")
    assert orchestrator.revision == 1


async def test_a_rejected_request_says_field_value_rule_and_remedy(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, request_file: Path
) -> None:
    orchestrator.rejects = (Problem(field="workload.name", value="web", rule="an existing one", remedy="Make it."),)
    ended = await tidegate("request", "-f", str(request_file))
    assert ended.code == 3
    for part in ("workload.name", "'web'", "an existing one", "Make it."):
        assert part in ended.err


async def test_an_unanswered_request_is_unknown_and_says_how_to_look(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, request_file: Path
) -> None:
    orchestrator.silent = True
    ended = await tidegate("request", "-f", str(request_file), "--timeout", "1")
    assert ended.code == 7
    assert "tidegate show web-1" in ended.err


async def test_an_invalid_request_is_not_published(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, tmp_path: Path
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({**REQUEST, "steps": [{"replicas": "120%"}, {"replicas": 1, "pauses": {}}]}))
    ended = await tidegate("request", "-f", str(file), "-o", "json")
    assert ended.code == 3
    assert ended.json["error"]["problems"][0]["field"] == "steps[1].pauses"
    assert orchestrator.revision == 0


async def test_a_requester_may_ask_in_its_own_namespace_and_hears_the_answer(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, request_file: Path
) -> None:
    ended = await tidegate("request", "-f", str(request_file), user="requester", apart=True)
    assert (ended.code, ended.out) == (0, "rollout web-1 accepted\n")


async def test_a_requester_may_not_ask_elsewhere_and_is_told_at_once(tidegate: Tidegate, request_file: Path) -> None:
    arguments = ("request", "-f", str(request_file), "-n", "payments", "--timeout", "60")
    ended = await tidegate(*arguments, user="requester")
    assert ended.code == 6
    assert "tidegate.requests.default.payments" in ended.err


async def test_a_bus_that_is_not_there_is_said_to_be_unreachable(tidegate: Tidegate, request_file: Path) -> None:
    ended = await tidegate("request", "-f", str(request_file), url="nats://127.0.0.1:1", apart=True)
    assert ended.code == 5
    assert "nats://127.0.0.1:1" in ended.err


async def test_a_wrong_name_is_a_fault_of_usage(tidegate: Tidegate, request_file: Path) -> None:
    ended = await tidegate("request", "-f", str(request_file), "-n", "a.>")
    assert ended.code == 2


async def test_watching_a_request_ends_with_the_rollout(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, request_file: Path
) -> None:
    watching = asyncio.create_task(tidegate("request", "-f", str(request_file), "--watch", "-o", "json"))
    await until(lambda: orchestrator.revision == 1, within_s=20, what="the request to be accepted")
    await orchestrator.decide("web-1", decisions.StepStarted, step=1)
    await orchestrator.decide("web-1", decisions.RolloutCompleted)
    ended = await watching
    phases = [json.loads(line).get("phase") for line in ended.out.splitlines()]
    assert ended.code == 0, ended.err
    assert phases[-2:] == ["adding pods", "completed"]


async def test_an_id_that_is_taken_is_rejected_under_another(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, request_file: Path
) -> None:
    assert (await tidegate("request", "-f", str(request_file))).code == 0
    ended = await tidegate("request", "-f", str(request_file))
    assert ended.code == 3
    assert "a new id" in ended.err


async def test_the_shell_completes_commands() -> None:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tidegate")),
        env={**os.environ, "_TIDEGATE_COMPLETE": "complete_bash", "COMP_WORDS": "tidegate re", "COMP_CWORD": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out.decode().split() == ["request", "resume", "replan", "retry"]

"""The controls on a real bus: each reaches the orchestrator as it was meant, and its answer comes back."""

from pathlib import Path

import pytest
from scripted_orchestrator import ScriptedOrchestrator
from tidegate_command import Tidegate

from tidegate_contracts import codec, controls, decisions
from tidegate_contracts.plan import plan
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.workload import WorkloadReference

pytestmark = pytest.mark.nats

ASKED = RolloutRequested(workload=WorkloadReference(name="web"), steps=(Step(replicas="20%"),))


async def start(orchestrator: ScriptedOrchestrator) -> None:
    await orchestrator.decide("web-1", decisions.RolloutAccepted, request=ASKED, plan=plan(ASKED))


@pytest.mark.parametrize(
    ("arguments", "control", "decision"),
    [
        (["approve", "--step", "1"], controls.Approve(step=1, by="alice", reason="why"), "rollout.step-completed.v1"),
        (["pause"], controls.Pause(by="alice", reason="why"), "rollout.paused.v1"),
        (["resume"], controls.Resume(by="alice", reason="why"), "rollout.resumed.v1"),
        (["jump", "--step", "2"], controls.JumpToStep(step=2, by="alice", reason="why"), "rollout.step-jumped.v1"),
        (["retry"], controls.Retry(by="alice", reason="why"), "rollout.step-retried.v1"),
        (["rollback"], controls.RollBack(by="alice", reason="why"), "rollout.rollback-started.v1"),
        (["cancel"], controls.Cancel(by="alice", reason="why"), "rollout.cancellation-started.v1"),
    ],
    ids=lambda part: part[0] if isinstance(part, list) else None,
)
async def test_a_control_is_said_and_its_answer_heard(
    tidegate: Tidegate,
    orchestrator: ScriptedOrchestrator,
    arguments: list[str],
    control: controls.Control,
    decision: str,
) -> None:
    await start(orchestrator)
    name, *rest = arguments
    ended = await tidegate(name, "web-1", *rest, "--by", "alice", "--reason", "why", "-o", "json")
    assert ended.code == 0, ended.err
    assert ended.json["decision"] == decision
    assert orchestrator.controls == [control]


async def test_another_plan_is_said_out_of_a_file(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator, tmp_path: Path
) -> None:
    await start(orchestrator)
    wanted = RolloutRequested(workload=WorkloadReference(name="web"), steps=(Step(replicas="40%"),))
    file = tmp_path / "plan.json"
    file.write_bytes(codec.encode(wanted))
    shown = await tidegate("replan", "web-1", "-f", str(file), "--dry-run", "-o", "json")
    assert [each["target"].get("percent") for each in shown.json["plan"]] == [40, 100]
    assert orchestrator.controls == []
    ended = await tidegate("replan", "web-1", "-f", str(file), "--by", "alice", "--reason", "why", "-o", "json")
    assert ended.code == 0, ended.err
    assert ended.json["decision"] == "rollout.plan-changed.v1"
    assert orchestrator.controls == [controls.Replan(request=wanted, by="alice", reason="why")]
    file.write_text('{"workload": {"name": "web"}, "steps": [{"replicas": "0%"}, {"replicas": "200%"}]}')
    refused = await tidegate("replan", "web-1", "-f", str(file))
    assert refused.code == 3
    assert "steps[0].replicas" in refused.err
    assert "steps[1].replicas" in refused.err


async def test_a_refused_control_says_why(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    await start(orchestrator)
    orchestrator.refuses = True
    ended = await tidegate("resume", "web-1")
    assert ended.code == 3
    assert "a paused rollout" in ended.err


async def test_a_control_for_nothing_is_not_said(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    ended = await tidegate("pause", "nobody-1")
    assert ended.code == 4
    assert orchestrator.controls == []


async def test_a_control_after_the_end_is_not_said(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    await start(orchestrator)
    await orchestrator.decide("web-1", decisions.RolloutCompleted)
    ended = await tidegate("rollback", "web-1")
    assert ended.code == 3
    assert "completed" in ended.err
    assert orchestrator.controls == []


async def test_a_requester_steers_its_own_rollouts_without_reading_the_history(
    tidegate: Tidegate, orchestrator: ScriptedOrchestrator
) -> None:
    await start(orchestrator)
    ended = await tidegate("pause", "web-1", user="requester")
    assert ended.code == 0, ended.err
    assert [type(control) for control in orchestrator.controls] == [controls.Pause]


async def test_a_control_without_an_answer_is_unknown(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    await start(orchestrator)
    orchestrator.silent = True
    ended = await tidegate("pause", "web-1", "--timeout", "1")
    assert ended.code == 7


async def test_an_auditor_may_not_steer(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    await start(orchestrator)
    ended = await tidegate("pause", "web-1", user="auditor")
    assert ended.code == 6
    assert orchestrator.controls == []

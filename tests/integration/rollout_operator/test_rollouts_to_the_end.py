"""Rollouts that are carried out, by the real orchestrator and workload-controller, steered through their statuses."""

from pathlib import Path
from typing import Any

import pytest
from support.kruise_rollouts import steps
from support.rollout_service import Shop, Status, shop

from tidegate_contracts.decisions import (
    ControlRefused,
    PlanChanged,
    RolloutCancelled,
    RolloutCompleted,
    RolloutPaused,
    RolloutResumed,
    StepCompleted,
    StepJumped,
)
from tidegate_contracts.guards import GuardRemoved, GuardSet
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

SERVICES = ("orchestrator", "workload-controller", "rollout-operator")
V2 = "v2_ready-0.1"


def paused_at(step: int) -> Any:
    def there(status: Status) -> bool:
        return (status.get("currentStepIndex"), status.get("currentStepState")) == (step, "StepPaused")

    return there


def condition(status: Status, kind: str) -> dict[str, Any]:
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


def ended(status: Status) -> bool:
    return bool(condition(status, "Succeeded"))


async def started(made: Shop, *replicas: int | str) -> None:
    """A rollout that waits at each of its steps for somebody."""
    await made.create_workload()
    await made.create(steps=steps(*replicas, pause={}))
    await made.until_guarded(lambda guard: isinstance(guard, GuardSet), "guarded")
    await made.until(lambda status: status.get("phase") == "Healthy", "healthy")
    await made.ask("g-1", V2)


async def test_it_goes_from_healthy_to_healthy_by_approvals_with_two_copies(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start(*SERVICES, "rollout-operator")
        await started(made, "25%", "50%", "100%")
        for step, pods in ((1, 1), (2, 2)):
            status = await made.until(paused_at(step), f"paused at {step}")
            told = status["canaryStatus"]
            assert (status["phase"], told["canaryReplicas"], told["canaryReadyReplicas"]) == ("Progressing", pods, pods)
            assert told["nextStepIndex"] == step + 1
            assert told["stableRevision"] != told["canaryRevision"]
            assert made.columns()[1].split()[:4] == ["web", "Progressing", str(step), "StepPaused"]
            await made.patch_status(currentStepState="StepReady")
        status = await made.until(ended, "ended")
        assert (status["phase"], condition(status, "Succeeded")["status"]) == ("Healthy", "True")
        assert status["message"] == "Rollout progressing has been completed"
        await made.until_whole(f"registry.example/web:{V2}", 4)
        states = [(each.get("currentStepIndex"), each.get("currentStepState")) for each in made.seen]
        assert states.index((1, "StepUpgrade")) < states.index((1, "StepPaused")) < states.index((2, "StepPaused"))
        decisions = await made.decisions()
        approved = [each for each in decisions if isinstance(each, StepCompleted) and each.approved_by]
        assert [each.step for each in approved] == [1, 2]
        assert [each for each in decisions if isinstance(each, ControlRefused)] == []


async def test_deleted_in_its_midst_it_lets_the_workload_go_on_to_the_new_version(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start(*SERVICES)
        await started(made, "25%", "100%")
        await made.until(paused_at(1), "paused")
        await made.delete()
        await made.until_gone()
        assert isinstance((await made.decisions())[-1], RolloutCancelled)
        assert isinstance(await made.guard(), GuardRemoved)
        await made.until_whole(f"registry.example/web:{V2}", 4)


async def test_an_edit_of_its_steps_counts_during_the_release(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    """A pause that is taken out is over, and a step in hand gets the pods that it asks for now."""
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start(*SERVICES)
        await started(made, "25%", "50%", "100%")
        await made.until(paused_at(1), "paused at 1")
        at_once, waits = {"duration": 0}, {}
        edited = [{"replicas": each, "pause": waits} for each in ("25%", "50%", "100%")]
        edited[0]["pause"] = at_once
        await made.edit({"strategy": {"canary": {"steps": edited}}})
        status = await made.until(paused_at(2), "on to 2")
        assert status["canaryStatus"]["canaryReadyReplicas"] == 2
        edited[1]["replicas"] = "75%"
        await made.edit({"strategy": {"canary": {"steps": edited}}})
        three = await made.until(lambda found: found["canaryStatus"]["canaryReadyReplicas"] == 3, "three pods")
        assert three["currentStepIndex"] == 2
        await made.until(paused_at(2), "paused at 2 again")
        await made.patch_status(currentStepState="StepReady")
        await made.until(ended, "ended")
        decisions = await made.decisions()
        changes = [(each.step, each.again) for each in decisions if isinstance(each, PlanChanged)]
        assert changes == [(1, False), (2, True)]
        assert [each for each in decisions if isinstance(each, ControlRefused)] == []
        assert isinstance(decisions[-1], RolloutCompleted)


async def test_it_is_paused_resumed_and_jumped_by_what_its_user_writes(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start(*SERVICES)
        await started(made, "25%", "50%", "75%")
        await made.until(paused_at(1), "paused at 1")
        await made.edit({"strategy": {"paused": True}})
        await made.until(lambda status: condition(status, "Progressing")["reason"] == "Paused", "held")
        await made.patch_status(currentStepState="StepReady")
        await made.edit({"strategy": {"paused": False}})
        await made.until(paused_at(2), "the approval counts once it is resumed")
        await made.patch_status(nextStepIndex=1)
        await made.until(paused_at(1), "back at 1")
        await made.patch_status(nextStepIndex=3)
        await made.until(paused_at(3), "on to 3")
        await made.patch_status(currentStepState="StepReady")
        status = await made.until(ended, "ended")
        assert condition(status, "Succeeded")["status"] == "True"
        decisions = await made.decisions()
        jumps = [(each.from_step, each.to_step) for each in decisions if isinstance(each, StepJumped)]
        assert jumps == [(2, 1), (1, 3)]
        kinds = [type(each) for each in decisions]
        assert (kinds.count(RolloutPaused), kinds.count(RolloutResumed)) == (1, 1)
        assert isinstance(decisions[-1], RolloutCompleted)

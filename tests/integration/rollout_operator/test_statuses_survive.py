"""A Rollout's status is a projection: made anew where it was lost, and never written over what its user wrote."""

from pathlib import Path

import msgspec
import pytest
from support.kruise_rollouts import steps
from support.rollout_service import shop

from tidegate_chassis.errors import Conflict
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_contracts.guards import GuardSet
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.writing import Writer
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]


async def test_a_lost_status_is_made_anew_by_a_copy_that_was_never_there(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        _, _, first = await processes.start("orchestrator", "workload-controller", "rollout-operator")
        await made.create_workload()
        await made.create(steps=steps("25%", "100%", pause={}))
        await made.until_guarded(lambda guard: isinstance(guard, GuardSet), "guarded")
        await made.ask("g-1", "v2_ready-0.1")
        before = await made.until(lambda status: status.get("currentStepState") == "StepPaused", "paused")
        first.kill()
        await first.process.wait()
        await made.lose_status()
        await processes.start("rollout-operator")
        after = await made.until(lambda status: status.get("currentStepState") == "StepPaused", "paused as before")
        assert after["canaryStatus"] == before["canaryStatus"]
        assert (after["phase"], after["message"]) == (before["phase"], before["message"])
        await made.patch_status(currentStepState="StepReady")
        await made.until(lambda status: status.get("phase") == "Healthy", "ended")


async def test_a_status_is_not_written_over_what_came_after_it_was_read(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, _):
        await made.create()
        read = msgspec.convert(await made.read(), Rollout)
        await made.patch_status(currentStepState="StepReady")
        kubeconfig = str(sandbox.kubeconfig_directory / "rollout-operator.yaml")
        async with await KubernetesClient.connect(kubeconfig, field_manager="test") as client:
            with pytest.raises(Conflict):
                await Writer(client).status(read, {"phase": "Healthy"})
        found = await made.read()
        assert found is not None
        assert found["status"] == {"canaryStatus": {"currentStepState": "StepReady"}}

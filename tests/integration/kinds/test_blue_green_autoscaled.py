"""A real HorizontalPodAutoscaler neither scales nor complains while its workload is held blue-green, then goes on."""

import asyncio
from typing import Any

import pytest
from support.kinds import CLONE_SET, DEPLOYMENT, Kind
from support.scenarios import CONFIG_MAPS, autoscaler, load
from support.until import until
from support.workloads import Rig, image, observed, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import HORIZONTAL_POD_AUTOSCALERS
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks
from tidegate_workload_controller.marks import FIELD_MANAGER

pytestmark = pytest.mark.sandbox

HELD_S = 6.0
"""Three rounds of the sandbox's autoscalers."""

BEHAVIORS: dict[str, dict[str, Any]] = {
    "none of its own": {},
    "its own": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}},
}


async def scaler(made: Rig) -> dict[str, Any]:
    answer = await made.admin.get(HORIZONTAL_POD_AUTOSCALERS, made.namespace, made.name)
    assert isinstance(answer, bytes), answer
    return decode(answer, dict)


async def change_load(made: Rig, amount: str) -> None:
    body = {"data": {made.name: amount}}
    await made.admin.patch(CONFIG_MAPS, made.namespace, "podlet-load", body, style=PatchStyle.MERGE)


async def rounds_pass(made: Rig) -> dict[str, Any]:
    """Wait until the autoscaler has looked again, and show what it says."""
    await asyncio.sleep(HELD_S)  # what must not happen has no event
    return await scaler(made)


@pytest.mark.parametrize("behavior", BEHAVIORS.values(), ids=BEHAVIORS.keys())
@pytest.mark.parametrize("kind", [DEPLOYMENT, CLONE_SET], ids=lambda kind: kind.label)
async def test_held_off_and_given_back_as_it_was(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, behavior: dict[str, Any]
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind, style="blue_green") as made:
        await made.admin.create(CONFIG_MAPS, made.namespace, load(made.name, "2500m"))
        await made.create(replicas=5, tag="v1_ready-0.1")
        manifest = autoscaler(made)
        manifest["spec"] = {**{k: v for k, v in manifest["spec"].items() if k != "behavior"}, **behavior}
        await made.admin.create(HORIZONTAL_POD_AUTOSCALERS, made.namespace, manifest)
        before = await scaler(made)
        await made.prepare(image("v2_ready-0.1"))
        async with observed(made) as seen:
            await made.apply(1, "100%")
            await change_load(made, "9000m")
            held = await rounds_pass(made)
            assert marks.SAVED_BEHAVIOR in held["metadata"]["annotations"]
            assert {each.replicas for each in seen.samples} == {5}
            conditions = {each["type"]: each["status"] for each in held["status"]["conditions"]}
            assert (conditions["AbleToScale"], conditions["ScalingActive"]) == ("True", "True")
            await made.promote()
            await made.release("promote")
            after = await scaler(made)
            assert after["spec"] == before["spec"]
            assert after["metadata"].get("annotations", {}) == before["metadata"].get("annotations", {})
            assert FIELD_MANAGER not in {each["manager"] for each in after["metadata"]["managedFields"]}
            await until(lambda: seen.samples[-1].replicas == 10, within_s=15, what="ten replicas")

"""What other people do to a Deployment while it is held, and what the controller makes of it."""

import asyncio
import json
from typing import Final

import pytest
from support.sandbox import kubectl
from support.until import until
from support.workloads import deployment, gone, image, observed, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_contracts.facts import BatchReady, WorkloadChanged, WorkloadGone, WorkloadReleased
from tidegate_contracts.orders import ReleaseWorkload
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks
from tidegate_workload_controller.budget_hold import HOLD_MIN_READY_S

pytestmark = pytest.mark.sandbox

TIMES: Final = 3


async def test_new_pods_follow_the_scale_and_never_pass_the_step(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        ready = await made.apply(1, "40%")
        canary = ready.canary_revision
        async with observed(made) as observer:
            await made.scale(20)
            await made.fact(BatchReady, lambda each: each.target_pods == 8 and each.settled)
            assert observer.most(canary) == 8
            await made.scale(5)
            await made.fact(BatchReady, lambda each: each.target_pods == 2 and each.settled)
            assert observer.samples[-1].told[canary] == 2
        await made.release("restore")


async def test_a_deleted_workload_is_reported_and_its_release_ends(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=3, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "50%")
        await gone(made)
        await made.fact(WorkloadGone)
        released = await made.release("restore")
        assert released.counts is None


async def test_another_template_is_reported_with_its_author_and_nothing_is_written(
    sandbox: SandboxState, namespace: str
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "40%")
        container = {"name": "app", "image": "registry.example/web:v9"}
        await made.patch({"spec": {"template": {"spec": {"containers": [container]}}}})
        changed = await made.fact(WorkloadChanged)
        assert changed.by == "a-user"
        assert "template" in changed.what
        generation = (await made.read()).metadata.generation
        order = made.batch(2, "60%")
        await made.give(order)
        await made.fact(WorkloadChanged)
        assert (await made.read()).metadata.generation == generation
        # Put back, the order goes on by itself.
        container["image"] = "registry.example/web:v2_ready-0.1"
        await made.patch({"spec": {"template": {"spec": {"containers": [container]}}}})
        await made.fact(BatchReady, lambda each: each.target_pods == 3 and each.settled)


@pytest.mark.parametrize("applied", [("apply",), ("apply", "--server-side", "--force-conflicts")], ids=len)
async def test_a_hold_that_a_tool_takes_off_again_and_again_is_put_back_each_time(
    sandbox: SandboxState, namespace: str, applied: tuple[str, ...]
) -> None:
    """The user's own strategy and minReadySeconds stand in Git, beside the new version."""
    own = {
        "minReadySeconds": 0,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
    }
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.1", **own)
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "20%")
        manifest = json.dumps(deployment(tag="v2_ready-0.1", **own))

        async def held() -> bool:
            return (await made.read()).spec.min_ready_seconds == HOLD_MIN_READY_S

        for _ in range(TIMES):
            await asyncio.to_thread(kubectl, sandbox, "-n", namespace, *applied, "-f", "-", manifest=manifest)
            async with asyncio.timeout(5.0):
                while not await held():  # noqa: ASYNC110 - only asking again tells
                    await asyncio.sleep(0.02)
        changed = await made.fact(WorkloadChanged)
        assert "strategy" in changed.what
        await made.release("restore")


async def test_an_order_older_than_the_fence_writes_nothing(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        zombie = made.batch(1, "80%")
        await made.apply(1, "20%")
        before = await made.raw()
        await made.give(zombie)
        made.revision = zombie.revision
        await made.fact(WorkloadChanged)
        assert (await made.raw())["metadata"]["generation"] == before["metadata"]["generation"]


async def test_an_old_release_ends_without_touching_a_newer_hold(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        made.revision = 50
        await made.apply(1, "50%")
        before = await made.raw()
        made.revision = 10
        await made.give(ReleaseWorkload(rollout="r0", revision=10, workload=made.reference, mode="promote"))
        assert made.task is not None
        await asyncio.wait_for(made.task, 5.0)
        assert not made.facts(WorkloadReleased)
        assert (await made.raw())["metadata"]["generation"] == before["metadata"]["generation"]


async def test_a_removed_mark_is_reported_and_not_guessed(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "50%")
        await made.patch({"metadata": {"annotations": {marks.SAVED_STRATEGY: None}}}, style=PatchStyle.MERGE)
        changed = await made.fact(WorkloadChanged)
        assert marks.SAVED_STRATEGY in changed.what
        # A release still ends, with Kubernetes' own defaults.
        await made.release("restore")
        assert (await made.read()).spec.strategy["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}


async def test_another_copy_goes_on_where_one_stopped(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.3")
        await made.prepare(image("v2_ready-0.3"))
        order = made.batch(1, "60%")
        async with observed(made) as observer:
            await made.give(order)
            await until(lambda: any(len(each.told) == 2 for each in observer.samples))
            await made.drop()
            made.notes.facts.clear()
            await made.give(order)
            ready = await made.fact(BatchReady, lambda each: each.settled)
            assert observer.most(ready.canary_revision) == 6
            assert observer.most_in_all() <= 13
            assert observer.least_ready() >= 8

"""Every kind goes forward in strict batches, on its own controller, and is given back as it was."""

import pytest
from support.kinds import ADVANCED_DAEMON_SET, ADVANCED_STATEFUL_SET, CLONE_SET, IMAGE, PARTITIONED, Kind
from support.workloads import image, observed, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_contracts.facts import WorkloadPrepared
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("kind", PARTITIONED, ids=lambda kind: kind.label)
async def test_in_strict_batches(kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind) as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        before = (await made.raw())["spec"]
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared), prepared
        replicas = prepared.counts.replicas
        async with observed(made) as seen:
            for step, percent in enumerate((20, 50, 80), start=1):
                ready = await made.apply(step, f"{percent}%")
                wanted = -(-percent * replicas // 100)
                assert ready.target_pods == wanted
                assert seen.most(ready.canary_revision) == wanted
            await made.apply(4, "100%")
            await made.release("promote")
            assert seen.least_ready() >= replicas - 1 - (replicas // 5)
        after = await made.raw()
        assert after["spec"] | {"template": None} == before | {"template": None}
        assert not [mark for mark in after["metadata"].get("annotations", {}) if "tidegate" in mark]


@pytest.mark.parametrize("kind", [CLONE_SET, ADVANCED_STATEFUL_SET, ADVANCED_DAEMON_SET], ids=lambda kind: kind.label)
async def test_after_an_update_that_left_out_what_a_webhook_had_added(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind
) -> None:
    """A custom resource is stored as it is sent; its controller keeps templates with every field that Go writes."""
    async with rig(kinds_sandbox, kinds_namespace, kind=kind) as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        containers = [{"name": "app", "image": f"{IMAGE}:v2_ready-0.1"}]
        await made.patch({"spec": {"template": {"spec": {"containers": containers}}}}, style=PatchStyle.MERGE)
        await made.until_whole()
        prepared = await made.prepare(image("v3_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared), prepared
        ready = await made.apply(1, "20%")
        assert ready.canary_revision not in {None, prepared.stable_revision}
        await made.release("restore")

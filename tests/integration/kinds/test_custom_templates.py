"""Workloads whose templates are not stored as their controllers keep them, after an update by somebody else."""

import pytest
from support.kinds import ADVANCED_DAEMON_SET, ADVANCED_STATEFUL_SET, CLONE_SET, IMAGE, Kind
from support.workloads import image, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_contracts.facts import WorkloadPrepared
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


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

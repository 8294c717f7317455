"""A batch of which some pods never get ready, and may: in every style, on the real controllers."""

import pytest
from support.kinds import IMAGE
from support.until import until
from support.workloads import Rig, image, observed, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import PODS
from tidegate_contracts.facts import BatchReady, WorkloadPrepared
from tidegate_contracts.orders import Target
from tidegate_contracts.rollout import STYLES, Style
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.seen import Pod

pytestmark = pytest.mark.sandbox


async def get_one_ready(made: Rig, stable: str) -> None:
    """Give one new pod an image that gets ready: all the others never will."""
    pods = [decode(raw, Pod) for raw in (await made.admin.list_all(PODS, made.namespace)).items]
    waiting = [
        pod
        for pod in pods
        if pod.alive and pod.ready_since_s is None and pod.metadata.labels["pod-template-hash"] != stable
    ]
    body = {"spec": {"containers": [{"name": "app", "image": f"{IMAGE}:v2_ready-0.1"}]}}
    await made.admin.patch(PODS, made.namespace, waiting[0].metadata.name, body, style=PatchStyle.STRATEGIC)


@pytest.mark.parametrize("style", STYLES)
async def test_it_is_ready_without_them_but_not_without_all(
    kinds_sandbox: SandboxState, kinds_namespace: str, style: Style
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style=style) as made:
        await made.create(replicas=8, tag="v1_ready-0.1")
        prepared = await made.prepare(image("v2_ready-never"))
        assert isinstance(prepared, WorkloadPrepared)
        stable = prepared.stable_revision

        async with observed(made) as seen:
            await made.give(made.batch(1, "25%", failure_threshold=Target(percent=50)))

            def new_pods() -> int:
                return sum(pods for name, pods in seen.samples[-1].alive.items() if name != stable)

            await until(lambda: new_pods() == 2, within_s=10, what="two new pods")
            assert not made.facts(BatchReady)
            await get_one_ready(made, stable)
            fact = await made.fact(BatchReady)
            assert fact.settled
            assert (fact.target_pods, fact.counts.updated, fact.counts.updated_ready) == (2, 2, 1)
            assert seen.least_ready() >= 6
        await made.release("restore")

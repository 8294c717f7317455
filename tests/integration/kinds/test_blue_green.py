"""A Deployment that grows by its new pods, whatever strategy it is given back to. The matrix plays the rest."""

from typing import Any

import pytest
from support.until import until
from support.workloads import Rig, image, observed, rig

from tidegate_contracts.facts import BatchReady, WorkloadChanged, WorkloadPrepared
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks

pytestmark = pytest.mark.sandbox

STRATEGIES: dict[str, dict[str, Any]] = {
    "no surge": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}, "minReadySeconds": 1},
    "recreate": {"strategy": {"type": "Recreate"}},
}


async def own_spec(made: Rig) -> dict[str, Any]:
    """The spec as the user knows it, with nothing of ours around it."""
    found = await made.raw()
    assert not [mark for mark in found["metadata"].get("annotations", {}) if marks.PREFIX in mark]
    spec: dict[str, Any] = found["spec"]
    return spec


def without_template(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "template"}


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
async def test_forward_every_stable_pod_stays_until_the_promotion(
    kinds_sandbox: SandboxState, kinds_namespace: str, strategy: dict[str, Any]
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=5, tag="v1_ready-0.1", **strategy)
        own = await own_spec(made)
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared), prepared
        assert prepared.surge_possible
        stable = prepared.stable_revision
        async with observed(made) as seen:
            for step, (replicas, pods) in enumerate((("20%", 1), (3, 3), ("100%", 5)), start=1):
                ready = await made.apply(step, replicas)
                assert (ready.target_pods, ready.settled) == (pods, True)
                assert seen.most(ready.canary_revision) == pods
            assert seen.samples[-1].ready == {stable: 5, ready.canary_revision: 5}
            assert all(each.ready.get(stable) == 5 for each in seen.samples)
            promoted = await made.promote()
            assert (promoted.counts.updated_ready, promoted.counts.stable) == (5, 0)
            assert made.notes.facts[-1] is promoted
            marked = set(marks.ANNOTATIONS) - {marks.HELD}  # which is gone once a rollout has taken the change up
            assert set((await made.raw())["metadata"]["annotations"]) >= marked
            released = await made.release("promote")
            assert released.counts is not None
            assert released.counts.updated_ready == 5
            assert all(each.ready.get(ready.canary_revision, 0) == 5 for each in seen.samples[-3:])
        assert without_template(await own_spec(made)) == without_template(own)


@pytest.mark.parametrize("mode", ["restore", "let_go"])
@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
async def test_back_or_let_go_at_60_percent(
    kinds_sandbox: SandboxState, kinds_namespace: str, strategy: dict[str, Any], mode: str
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=5, tag="v1_ready-0.1", **strategy)
        own = await own_spec(made)
        await made.prepare(image("v2_ready-0.1"))
        async with observed(made) as seen:
            await made.apply(1, "60%")
            await made.release(mode)
            await made.until_whole()
            assert seen.least_ready() >= 4
        after = await own_spec(made)
        assert after == own if mode == "restore" else without_template(after) == without_template(own)


async def test_scaled_to_nothing_and_up_again_the_stable_pods_are_there(
    kinds_sandbox: SandboxState, kinds_namespace: str
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        stable, canary = prepared.stable_revision, (await made.apply(1, "100%")).canary_revision
        async with observed(made) as seen:
            await made.scale(0)
            await made.fact(BatchReady, lambda fact: fact.target_pods == 0)
            await made.scale(4)
            wanted = {stable: 4, canary: 4}
            await until(lambda: seen.samples[-1].ready == wanted, within_s=10, what=f"{wanted}")


async def test_an_edited_hold_is_put_back_once(kinds_sandbox: SandboxState, kinds_namespace: str) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        await made.apply(1, "50%")
        await made.patch({"spec": {"strategy": {"rollingUpdate": {"maxSurge": "100%"}}}})
        changed = await made.fact(WorkloadChanged)
        assert changed.by == "a-user"
        assert (await made.raw())["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "50%", "maxUnavailable": 0}

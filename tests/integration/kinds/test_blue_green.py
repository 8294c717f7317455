"""A Deployment grows by its new pods, every stable one stays, and it is given back as it was."""

from typing import Any

import pytest
from support.until import until
from support.workloads import Rig, image, observed, rig

from tidegate_contracts.facts import BatchReady, BatchStalled, WorkloadChanged, WorkloadPrepared
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks

pytestmark = pytest.mark.sandbox

STRATEGIES: dict[str, dict[str, Any]] = {
    "the defaults": {},
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
            assert set((await made.raw())["metadata"]["annotations"]) >= set(marks.ANNOTATIONS)
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


async def test_the_share_follows_the_scale_up_and_down(kinds_sandbox: SandboxState, kinds_namespace: str) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        stable, canary = prepared.stable_revision, (await made.apply(1, "40%")).canary_revision
        async with observed(made) as seen:
            for replicas, pods in ((10, 4), (5, 2), (20, 8), (3, 2)):
                await made.scale(replicas)
                wanted = {stable: replicas, canary: pods}
                await until(lambda wanted=wanted: seen.samples[-1].ready == wanted, within_s=10, what=f"{wanted}")


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


async def test_a_newer_version_takes_the_hold_over_and_the_stable_pods_stay(
    kinds_sandbox: SandboxState, kinds_namespace: str
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        own = await own_spec(made)
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        await made.apply(1, "80%")
        async with observed(made) as seen:
            again = await made.prepare(image("v3_ready-0.1"), rollout="r2")
            assert isinstance(again, WorkloadPrepared)
            assert again.stable_revision == prepared.stable_revision
            ready = await made.apply(1, "40%", rollout="r2")
            wanted = {prepared.stable_revision: 5, ready.canary_revision: 2}
            await until(lambda: seen.samples[-1].ready == wanted, within_s=10, what=f"{wanted}")
            assert all(each.ready.get(prepared.stable_revision) == 5 for each in seen.samples)
        await made.release("restore", rollout="r2")
        assert await own_spec(made) == own


async def test_a_broken_image_stalls_and_the_stable_pods_go_on(
    kinds_sandbox: SandboxState, kinds_namespace: str
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        own = await own_spec(made)
        await made.prepare(image("v2_pull-fail"))
        async with observed(made) as seen:
            await made.give(made.batch(1, "50%"))
            stalled = await made.fact(BatchStalled, within_s=15)
            assert stalled.counts.stable_ready == 4
            await made.release("restore")
            assert seen.least_ready() == 4
        assert await own_spec(made) == own


async def test_another_copy_goes_on_where_a_lost_one_was(kinds_sandbox: SandboxState, kinds_namespace: str) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="blue_green") as made:
        await made.create(replicas=4, tag="v1_ready-0.3")
        own = await own_spec(made)
        prepared = await made.prepare(image("v2_ready-0.3"))
        assert isinstance(prepared, WorkloadPrepared)
        async with observed(made) as seen:
            order = made.batch(1, "50%")
            await made.give(order)
            await until(lambda: len(seen.samples[-1].alive) == 2, what="a new pod")
            await made.give(order)
            await made.fact(BatchReady)
            ready = await made.apply(2, "100%")
            await made.give(made.promotion())
            await until(lambda: seen.samples[-1].alive.get(prepared.stable_revision, 0) < 4, what="the promotion")
            await made.promote()
            assert seen.most(ready.canary_revision) == 4
        await made.release("promote")
        assert without_template(await own_spec(made)) == without_template(own)


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

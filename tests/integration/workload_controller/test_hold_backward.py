"""A Deployment given back on a real API server: rolled back, let go, with any strategy of its user's."""

from typing import Any

import pytest
from support.workloads import Rig, image, observed, rig

from tidegate_contracts.facts import WorkloadPrepared
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks

pytestmark = pytest.mark.sandbox

STRATEGIES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "surge only": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, "minReadySeconds": 1},
    "no surge": {
        "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "30%"}},
        "progressDeadlineSeconds": 77,
    },
    "recreate": {"strategy": {"type": "Recreate"}},
}


async def own_spec(made: Rig) -> dict[str, Any]:
    """The Deployment's spec as its user knows it."""
    found = await made.raw()
    assert not set(found["metadata"].get("annotations", {})) & set(marks.ANNOTATIONS)
    assert not set(found["metadata"].get("labels", {})) & set(marks.LABELS)
    spec: dict[str, Any] = found["spec"]
    return spec


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
async def test_a_rollback_at_40_percent_gives_every_field_back(
    sandbox: SandboxState, namespace: str, strategy: dict[str, Any]
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.1", **strategy)
        own = await own_spec(made)
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        async with observed(made) as observer:
            await made.apply(1, "20%")
            ready = await made.apply(2, "40%")
            assert observer.most(ready.canary_revision) == 4
            released = await made.release("restore")
            assert released.counts is not None
            assert (released.counts.updated, released.counts.stable_ready) == (0, 10)
            assert observer.most(ready.canary_revision) == 4
            assert observer.least_ready() >= 7  # the most that any of these strategies may miss
        assert await own_spec(made) == own
        await made.until_whole()


@pytest.mark.parametrize("strategy", [STRATEGIES["the defaults"], STRATEGIES["recreate"]], ids=["defaults", "recreate"])
async def test_to_the_end_and_every_field_back(sandbox: SandboxState, namespace: str, strategy: dict[str, Any]) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=5, tag="v1_ready-0.1", **strategy)
        own = await own_spec(made)
        await made.prepare(image("v2_ready-0.1"))
        async with observed(made) as observer:
            await made.apply(1, "50%")
            await made.apply(2, "100%")
            await made.release("promote")
            assert observer.least_ready() >= 4
        own["template"]["spec"]["containers"][0]["image"] = "registry.example/web:v2_ready-0.1"
        assert await own_spec(made) == own


async def test_letting_go_at_20_percent_leaves_the_rest_to_the_native_controller(
    sandbox: SandboxState, namespace: str
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "20%")
        await made.release("let_go")
        await made.until_whole()
        spec = await own_spec(made)
        assert spec["template"]["spec"]["containers"][0]["image"].endswith("v2_ready-0.1")


async def test_letting_a_recreating_workload_go_never_deletes_all_its_pods(
    sandbox: SandboxState, namespace: str
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4, tag="v1_ready-0.1", strategy={"type": "Recreate"})
        await made.prepare(image("v2_ready-0.1"))
        async with observed(made) as observer:
            await made.apply(1, "50%")
            await made.release("let_go")
            assert observer.least_ready() >= 3
        assert (await own_spec(made))["strategy"] == {"type": "Recreate"}


async def test_a_release_can_be_given_twice(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=3, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "50%")
        await made.release("restore")
        before = await made.raw()
        again = await made.release("restore")
        assert again.counts is not None
        assert again.counts.stable_ready == 3
        after = await made.raw()
        assert after["metadata"]["generation"] == before["metadata"]["generation"]


async def test_what_was_never_touched_is_released_at_once(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=2, tag="v1_ready-0.1")
        before = await made.raw()
        await made.prepare(image("v2_ready-0.1"))
        await made.release("restore", within_s=3.0)
        after = await made.raw()
        assert after["metadata"]["generation"] == before["metadata"]["generation"]

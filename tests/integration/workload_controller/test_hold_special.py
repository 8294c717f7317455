"""Deployments that are not the plain case: single, paused, superseded, rolled out already, scaled to nothing."""

import pytest
from support.until import until
from support.workloads import image, observed, rig

from tidegate_contracts.facts import BatchReady, BatchStalled, WorkloadPrepared, WorkloadRefused
from tidegate_contracts.orders import Target
from tidegate_contracts.rollout import Change
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


async def test_a_single_replica_is_replaced_without_being_missed(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        async with observed(made) as observer:
            raised = await made.apply(1, "50%", settle=False, stable_minimum=1)
            assert (raised.counts.updated_ready, raised.counts.stable_ready) == (1, 1)
            kept = await made.apply(1, "50%", stable_minimum=1)
            assert kept.counts.stable_ready == 1
            settled = await made.apply(2, "100%")
            assert (settled.counts.updated_ready, settled.counts.stable) == (1, 0)
            await made.release("promote")
            assert observer.least_ready() >= 1


async def test_a_single_replica_without_surge_is_said_to_be_impossible_with_traffic(
    sandbox: SandboxState, namespace: str
) -> None:
    async with rig(sandbox, namespace) as made:
        strategy = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
        await made.create(replicas=1, tag="v1_ready-0.1", strategy=strategy)
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        assert not prepared.surge_possible
        before = await made.raw()
        await made.give(made.batch(1, "50%", settle=False, stable_minimum=1))
        stalled = await made.fact(BatchStalled, within_s=3.0)
        assert "no surge" in stalled.reason
        assert (await made.raw())["spec"] == before["spec"]


async def test_stable_pods_stay_while_they_get_traffic_and_go_afterwards(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        async with observed(made) as observer:
            raised = await made.apply(1, "50%", settle=False, stable_minimum=1)
            assert raised.counts.updated_ready == 2
            assert raised.counts.stable_ready >= 3
            settled = await made.apply(1, "50%", stable_minimum=1)
            assert (settled.counts.updated_ready, settled.counts.stable_ready) == (2, 2)
            raised = await made.apply(2, "100%", settle=False, stable_minimum=1)
            assert raised.counts.updated_ready == 4
            assert raised.counts.stable_ready >= 1
            await made.apply(2, "100%")
            assert observer.most_in_all() <= 5
            assert observer.least_ready() >= 3


async def test_a_paused_deployment_with_a_new_template_is_adopted(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        container = {"name": "app", "image": "registry.example/web:v2_ready-0.1"}
        await made.patch({"spec": {"paused": True, "template": {"spec": {"containers": [container]}}}})
        prepared = await made.prepare(None)
        assert isinstance(prepared, WorkloadPrepared)
        ready = await made.apply(1, "25%")
        assert (ready.counts.updated_ready, ready.counts.stable_ready) == (1, 3)
        await made.apply(2, "100%")
        await made.release("promote")
        assert (await made.read()).spec.paused is True


async def test_a_newer_version_takes_a_held_workload_over(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.1")
        own = (await made.read()).spec.strategy
        first = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(first, WorkloadPrepared)
        await made.apply(1, "40%")
        second = await made.prepare(image("v3_ready-0.1"), rollout="r2")
        assert isinstance(second, WorkloadPrepared)
        assert second.stable_revision == first.stable_revision
        async with observed(made) as observer:
            ready = await made.apply(1, "20%", rollout="r2")
            assert ready.counts.updated_ready == 2
            assert ready.counts.stable_ready == 6
            assert observer.most(ready.canary_revision) == 2
            assert observer.least_ready() >= 8
            await made.apply(2, "100%", rollout="r2")
            await made.release("promote", rollout="r2")
        assert (await made.read()).spec.strategy == own


async def test_a_newer_request_for_the_stable_version_goes_back_to_it(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "40%")
        back = await made.prepare(image("v1_ready-0.1"), rollout="r2")
        assert isinstance(back, WorkloadPrepared)
        ready = await made.apply(1, "20%", rollout="r2")
        assert ready.canary_revision == back.stable_revision
        assert ready.counts.stable_ready == 5
        await made.apply(2, "100%", rollout="r2")
        await made.release("promote", rollout="r2")


async def test_the_users_own_min_ready_seconds_are_waited_for(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=2, tag="v1_ready-0.1", minReadySeconds=2)
        await made.prepare(image("v2_ready-0.1"))
        ready = await made.apply(1, "50%")
        first = min(fact.at_s for fact in made.facts(BatchReady))
        created = (await made.read()).metadata.creation_timestamp
        assert created
        assert ready.counts.updated_ready == 1
        telemetry = [each for each in made.notes.telemetry if each.step == 1 and each.counts.updated_ready == 1]
        assert first - telemetry[0].at_s >= 1.5


async def test_a_count_is_a_target_too(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=6, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        ready = await made.apply(1, 4)
        assert (ready.counts.updated_ready, ready.counts.stable) == (4, 2)
        assert ready.target_pods == 4
        assert Target(count=4) == made.batch(1, 4).target


async def test_a_workload_of_no_pods_is_ready_at_once(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1, tag="v1_ready-0.1")
        await made.scale(0)
        await made.until_whole()
        await made.prepare(image("v2_ready-0.1"))
        ready = await made.apply(1, "50%")
        assert ready.target_pods == 0
        await made.apply(2, "100%")
        await made.release("promote")
        template = (await made.raw())["spec"]["template"]
        assert template["spec"]["containers"][0]["image"].endswith("v2_ready-0.1")


async def test_scaled_to_nothing_and_back_the_stable_version_comes_first(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.1")
        own = (await made.raw())["spec"]
        await made.prepare(image("v2_ready-0.1"))
        ready = await made.apply(1, "20%")
        async with observed(made) as observer:
            await made.scale(0)
            await made.fact(BatchReady, lambda each: each.target_pods == 0)
            observer.forget()
            await made.scale(10)
            await until(lambda: len([each for each in made.facts(BatchReady) if each.target_pods == 2]) >= 2)
            assert observer.most(ready.canary_revision) == 2
        await made.release("restore")
        assert (await made.raw())["spec"] == own


async def test_a_patch_of_the_template_is_a_change_too(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=2, tag="v1_ready-0.1")
        container = {"name": "app", "env": [{"name": "A", "value": "1"}]}
        patch = {"metadata": {"annotations": {"team": "a"}}, "spec": {"containers": [container]}}
        fact = await made.prepare(Change(images={"app": "registry.example/web:v2_ready-0.1"}, template_patch=patch))
        assert isinstance(fact, WorkloadPrepared), fact
        await made.apply(1, "100%")
        await made.release("promote")
        template = (await made.raw())["spec"]["template"]
        assert template["metadata"]["annotations"] == {"team": "a"}
        assert template["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]


async def test_what_cannot_be_done_is_refused_with_a_remedy(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        missing = await made.prepare(image("v2"))
        assert isinstance(missing, WorkloadRefused)
        assert missing.problem.field == "workload.name"
        await made.create(replicas=1, tag="v1_ready-0.1")
        unknown = await made.prepare(Change(images={"sidecar": "x:1"}))
        assert isinstance(unknown, WorkloadRefused)
        assert unknown.problem.field == "change.images.sidecar"
        assert "app" in unknown.problem.rule
        invalid = await made.prepare(Change(template_patch={"metadata": {"labels": {"app": "other"}}}))
        assert isinstance(invalid, WorkloadRefused)
        assert "selector" in invalid.problem.rule + invalid.problem.field
        nothing = await made.prepare(None)
        assert isinstance(nothing, WorkloadRefused)
        generation = (await made.read()).metadata.generation
        assert generation == 1
        await until(lambda: not made.notes.telemetry)

"""A Deployment taken forward in steps on a real API server, seen by somebody else."""

import pytest
from support.until import until
from support.workloads import image, observed, rig

from tidegate_contracts.facts import WorkloadPrepared, WorkloadRefused
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks

pytestmark = pytest.mark.sandbox

STEPS = ("20%", "40%", "60%", "80%", "100%")


async def test_five_steps_go_to_the_end_and_never_further_than_each_target(
    sandbox: SandboxState, namespace: str
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10)
        own = (await made.raw())["spec"]
        prepared = await made.prepare(image("v2_ready-0.3"))
        assert isinstance(prepared, WorkloadPrepared), prepared
        async with observed(made) as observer:
            for step, replicas in enumerate(STEPS, start=1):
                observer.forget()
                ready = await made.apply(step, replicas)
                assert ready.target_pods == 2 * step
                assert ready.counts.updated_ready == 2 * step
                assert ready.counts.stable == 10 - 2 * step
                assert observer.most(ready.canary_revision) <= 2 * step
                assert observer.most_in_all() <= 13  # the user's maxSurge is 25 %
                assert observer.least_ready() >= 10  # surge first: nobody is missed
            released = await made.release("promote")
        assert released.counts is not None
        assert (released.counts.updated, released.counts.stable) == (10, 0)
        after = await made.raw()
        template = own.pop("template")
        template["spec"]["containers"][0]["image"] = "registry.example/web:v2_ready-0.3"
        assert after["spec"].pop("template") == template
        assert after["spec"] == own
        assert not set(after["metadata"]["annotations"]) & set(marks.ANNOTATIONS)
        assert not set(after["metadata"].get("labels", {})) & set(marks.LABELS)


async def test_new_pods_carry_the_rollout_and_the_batch_they_came_with(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4)
        await made.prepare(image("v2_ready-0.1"))
        async with observed(made) as observer:
            await made.apply(1, "25%")
            await made.apply(2, "50%")
            pods = observer.reflectors[2].store

            def labels() -> list[tuple[str, str]]:
                found = [pod.metadata.labels for pod in pods.all() if marks.POD_BATCH in pod.metadata.labels]
                return sorted((each[marks.POD_ROLLOUT_ID], each[marks.POD_BATCH]) for each in found)

            await until(lambda: labels() == [("r1", "1"), ("r1", "2")], what="one pod's label for each batch")


async def test_what_runs_already_is_nothing_to_roll_out(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1)
        fact = await made.prepare(image("v1_ready-0.3"))
        assert isinstance(fact, WorkloadRefused)
        assert fact.problem.field == "change"

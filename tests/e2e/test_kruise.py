"""A cluster as people who run Kruise Rollouts have it: a Rollout applied, the workload changed, approved by a patch.

Everything by kubectl, on the shipped definition and webhook; nobody asks for a rollout. The status is read as Kruise's
tools read it, the pods as they are. Every kind and style: tests/integration/kinds/test_rollouts_of_kinds.py.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from support.guarded import POLL_S, REPLICAS, WITHIN_S, Guarded, guarded_world, own_values
from support.kinds import DEPLOYMENT, STATEFUL_SET, Kind

from tidegate_contracts.decisions import BatchReturnStarted
from tidegate_demo.scenario import kubectl
from tidegate_rollout_operator.kruise import ROLLBACK_IN_BATCH, ROLLOUT_ID
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
Status = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(own_bare_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    services = ("orchestrator", "workload-controller", "rollout-operator")
    async with guarded_world(own_bare_sandbox, tmp_path_factory.mktemp("kruise"), services) as made:
        yield made


class Released:
    """One workload with its Rollout, both of one name."""

    def __init__(self, world: Guarded, kind: Kind, name: str) -> None:
        self.world = world
        self.kind = kind
        self.name = name
        self.own: dict[str, Any] = {}

    async def make(self, *, annotations: dict[str, str] | None = None, **strategy: Any) -> None:
        """Version 1, whole, and a Rollout of two steps that is told of as healthy; `annotations` are the Rollout's."""
        await self.world.apply(self.kind.manifest(self.name, replicas=REPLICAS, tag="v1_ready-0.3"))
        await self.world.whole(self.kind, self.name)
        self.own = own_values(await self.world.read(self.kind, self.name))
        resource = self.kind.resource
        steps = [{"replicas": "50%"}, {"replicas": "100%"}]
        await self.world.apply(
            {
                "apiVersion": "rollouts.kruise.io/v1beta1",
                "kind": "Rollout",
                "metadata": {"name": self.name, "annotations": annotations or {}},
                "spec": {
                    "workloadRef": {"apiVersion": resource.api_version, "kind": resource.kind, "name": self.name},
                    "strategy": {"canary": {"steps": steps, **strategy}},
                },
            }
        )
        await self.until(lambda status: status.get("phase") == "Healthy")
        await self.world.guarded(self.kind, self.name)

    async def change(self, tag: str) -> None:
        await self.world.set_image(self.kind, self.name, tag)

    async def call(self, release: str) -> None:
        """Its author's own id of what is released next: in the label that is shown, and the annotation that tells."""
        for verb in ("label", "annotate"):
            await kubectl(self.world.state, verb, "deployment", self.name, "--overwrite", f"{ROLLOUT_ID}={release}")

    async def rollout(self) -> dict[str, Any]:
        found = await kubectl(self.world.state, "get", "rollouts.rollouts.kruise.io", self.name, "-o", "json")
        read: dict[str, Any] = json.loads(found)
        return read

    async def until(self, condition: Callable[[Status], bool]) -> Status:
        status: Status = {}
        try:
            async with asyncio.timeout(WITHIN_S):
                while not condition(status := (await self.rollout()).get("status", {})):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise AssertionError(f"the status stayed {json.dumps(status)}") from None
        return status

    async def waits_at(self, step: int) -> Status:
        return await self.until(
            lambda status: (status.get("currentStepIndex"), status.get("currentStepState")) == (step, "StepPaused")
        )

    async def approve(self) -> None:
        """As `kubectl kruise rollout approve` does."""
        await self.tell(currentStepState="StepReady")

    async def tell(self, **command: Any) -> None:
        arguments = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": {"canaryStatus": command}}))
        await kubectl(self.world.state, "patch", "rollouts.rollouts.kruise.io", self.name, *arguments)

    async def told(self, sentence: str) -> int:
        """How often `kubectl describe` has it."""
        shown = await kubectl(self.world.state, "describe", "rollouts.rollouts.kruise.io", self.name)
        return shown.count(sentence)

    async def is_whole(self, version: str) -> None:
        """Under its own strategy, at this version."""
        await self.world.whole(self.kind, self.name)
        assert own_values(await self.world.read(self.kind, self.name)) == self.own
        assert set(await self.world.tags(self.name)) == {version}


def condition(status: Status, kind: str) -> tuple[str, str]:
    found = next((each for each in status["conditions"] if each["type"] == kind), {})
    return found.get("status", ""), found.get("reason", "")


async def test_a_change_is_released_step_by_step(world: Guarded) -> None:
    released = Released(world, DEPLOYMENT, "released")
    await released.make()
    await released.change("v2_ready-0.3")
    status = await released.waits_at(1)
    assert status["phase"] == "Progressing"
    assert condition(status, "Progressing") == ("True", "InRolling")
    assert (await world.tags(released.name)).count("2") == REPLICAS // 2
    plan = (await released.rollout())["metadata"]["annotations"]["rollouts.kruise.io/hash"]
    assert status["canaryStatus"]["rolloutHash"] == plan
    await released.approve()
    status = await released.until(lambda status: status.get("phase") == "Healthy")
    assert condition(status, "Succeeded")[0] == "True"
    await released.is_whole("2")


async def test_the_old_template_again_is_a_rollback(world: Guarded) -> None:
    released = Released(world, DEPLOYMENT, "undone")
    await released.make()
    await released.change("v2_ready-0.3")
    await released.waits_at(1)
    await released.change("v1_ready-0.3")
    status = await released.until(lambda status: status.get("phase") == "Healthy")
    assert condition(status, "Succeeded")[0] == "False"
    await released.is_whole("1")
    assert await released.told("upgrade step(1) canary pods with new versions done") == 1
    assert await released.told("workload has been rollback, then rollout is canceled") == 1


async def test_what_happens_again_in_one_release_is_told_again(world: Guarded) -> None:
    released = Released(world, DEPLOYMENT, "again")
    await released.make()
    await released.change("v2_ready-0.3")
    await released.waits_at(1)
    assert await released.told("upgrade step(1)") == 1
    await released.tell(nextStepIndex=1)
    async with asyncio.timeout(WITHIN_S):
        while await released.told("upgrade step(1)") < 2:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
    await released.waits_at(1)
    await released.approve()
    await released.until(lambda status: status.get("phase") == "Healthy")
    assert await released.told("upgrade step(1)") == 2


async def test_the_old_template_again_goes_back_in_batches_where_the_rollout_says_so(world: Guarded) -> None:
    released = Released(world, STATEFUL_SET, "undone-in-batches")
    steps = [{"replicas": "25%", "pause": {"duration": 0}}, {"replicas": "50%"}, {"replicas": "100%"}]
    await released.make(annotations={ROLLBACK_IN_BATCH: "true"}, steps=steps)
    await released.change("v2_ready-0.3")
    rollout = (await released.waits_at(2))["observedRollout"]
    await released.change("v1_ready-0.3")
    status = await released.until(lambda status: status.get("phase") == "Healthy")
    assert condition(status, "Succeeded")[0] == "False"
    await released.is_whole("1")
    returns = [each.step for each in world.listener.of(rollout) if isinstance(each, BatchReturnStarted)]
    assert returns == [1]


async def test_another_template_of_the_release_that_its_author_names_passes_and_the_next_release_is_held(
    world: Guarded,
) -> None:
    released = Released(world, DEPLOYMENT, "named")
    await released.make()
    await released.call("one")
    await released.until(lambda status: status["canaryStatus"]["observedRolloutID"] == "one")
    await released.change("v2_ready-0.3")
    status = await released.waits_at(1)
    assert status["canaryStatus"]["observedRolloutID"] == "one"
    await released.approve()
    await released.until(lambda status: status.get("phase") == "Healthy")
    await released.change("v3_ready-0.3")
    await released.is_whole("3")
    assert (await released.rollout())["status"]["observedRollout"] == status["observedRollout"]
    await released.call("two")
    await released.change("v4_ready-0.3")
    await released.waits_at(1)


async def test_without_a_rollout_or_with_a_disabled_one_a_change_passes_untouched(world: Guarded) -> None:
    released = Released(world, DEPLOYMENT, "disabled")
    await released.make()
    disable = (
        "patch",
        "rollouts.rollouts.kruise.io",
        released.name,
        "--type=merge",
        "-p",
        '{"spec":{"disabled":true}}',
    )
    await kubectl(world.state, *disable)
    await released.until(lambda status: status.get("phase") == "Disabled")
    await world.guarded(DEPLOYMENT, released.name, is_guarded=False)
    await released.change("v2_ready-0.3")
    await released.is_whole("2")
    assert (await released.rollout())["status"]["phase"] == "Disabled"


async def test_a_faulty_rollout_is_refused_with_what_to_do(world: Guarded) -> None:
    released = Released(world, DEPLOYMENT, "faulty")
    with pytest.raises(RuntimeError, match="at least the 50% of the step before") as refusal:
        await released.make(steps=[{"replicas": "50%"}, {"replicas": "20%", "traffic": "200%"}])
    assert "spec.strategy.canary.steps[1].traffic" in str(refusal.value)
    await released.make()
    await released.change("v2_ready-0.3")
    await released.waits_at(1)
    fewer = json.dumps({"spec": {"strategy": {"canary": {"steps": [{"replicas": "100%"}]}}}})
    with pytest.raises(RuntimeError, match="a release is under way"):
        await kubectl(world.state, "patch", "rollouts.rollouts.kruise.io", released.name, "--type=merge", "-p", fewer)
    await released.approve()
    await released.until(lambda status: status.get("phase") == "Healthy")


async def test_the_former_version_is_served_as_well(world: Guarded) -> None:
    """Applied, read, changed and approved in v1alpha1, with the style in its annotation."""
    name = "former"
    await world.apply(DEPLOYMENT.manifest(name, replicas=REPLICAS, tag="v1_ready-0.3"))
    await world.whole(DEPLOYMENT, name)
    await world.trusted("customresourcedefinition", "rollouts.rollouts.kruise.io")
    await world.apply(
        {
            "apiVersion": "rollouts.kruise.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": name, "annotations": {"rollouts.kruise.io/rolling-style": "partition"}},
            "spec": {
                "objectRef": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}},
                "strategy": {"canary": {"steps": [{"weight": 50}, {"replicas": "100%"}]}},
            },
        }
    )
    former = f"rollouts.v1alpha1.rollouts.kruise.io/{name}"
    style = json.dumps({"metadata": {"annotations": {"rollouts.kruise.io/rolling-style": "rainbow"}}})
    with pytest.raises(RuntimeError, match="canary or partition"):
        await kubectl(world.state, "patch", former, "--type=merge", "-p", style)
    await world.guarded(DEPLOYMENT, name)
    await world.set_image(DEPLOYMENT, name, "v2_ready-0.3")
    released = Released(world, DEPLOYMENT, name)
    await released.waits_at(1)
    assert (await world.tags(name)).count("2") == REPLICAS // 2
    read = json.loads(await kubectl(world.state, "get", former, "-o", "json"))
    assert read["spec"]["strategy"]["canary"]["steps"][0]["weight"] == 50
    assert read["status"]["canaryStatus"]["currentStepState"] == "StepPaused"
    approval = json.dumps({"status": {"canaryStatus": {"currentStepState": "StepReady"}}})
    await kubectl(world.state, "patch", former, "--subresource=status", "--type=merge", "-p", approval)
    await released.until(lambda status: status.get("phase") == "Healthy")
    assert set(await world.tags(name)) == {"2"}

"""A guarded workload is changed as always, with kubectl alone: its change is held at admission, and rolled out.

The webhook is the shipped configuration, served by the workload-controller as it is shipped, asked by a real API
server. What is seen is the world: pods, the workload as it stands, and the events that anybody can read. Every kind and
style, guarded: tests/integration/kinds/test_rollouts_of_kinds.py.
"""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.guarded import REPLICAS, Guarded, guarded_world, own_values
from support.kinds import DEPLOYMENT

from tidegate_contracts.decisions import (
    PauseStarted,
    RolloutAccepted,
    RolloutCancelled,
    RolloutCompleted,
    RolloutPaused,
    RolloutRejected,
    RolloutRolledBack,
    StepStarted,
)
from tidegate_demo.scenario import kubectl
from tidegate_demo.webhooks import environment
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
EXAMPLE = Path(__file__).parents[2] / "deploy/examples/11-guard/guard.yaml"
LATE_WITHIN_S = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(own_bare_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    services = ("orchestrator", "workload-controller")
    async with guarded_world(own_bare_sandbox, tmp_path_factory.mktemp("guarded"), services) as made:
        yield made


async def test_a_change_is_held_and_rolled_out_in_the_guards_steps(world: Guarded) -> None:
    kind, name = DEPLOYMENT, "forward"
    before = await world.make(kind, name)
    await world.set_image(kind, name, "v2_ready-0.3")
    paused = await world.until(PauseStarted, name)
    tags = await world.tags(name)
    assert tags.count("2") == -(-len(tags) // 2)
    accepted = await world.until(RolloutAccepted, name)
    assert "kubectl" in accepted.request.reason
    await world.tidegate("approve", paused.rollout)
    await world.until(RolloutCompleted, name)
    await world.whole(kind, name)
    after = await world.read(kind, name)
    assert own_values(after) == own_values(before)
    assert "tidegate.io" not in json.dumps(after["metadata"].get("annotations", {}))
    assert set(await world.tags(name)) == {"2"}


async def test_a_version_that_fails_goes_back_by_itself_and_waits_for_somebody_when_it_comes_again(
    world: Guarded,
) -> None:
    name = "failing"
    before = await world.make(DEPLOYMENT, name, deadlines={"progress_s": 2})
    await world.set_image(DEPLOYMENT, name, "v2_ready-never")
    failed = await world.until(RolloutRolledBack, name)
    await world.whole(DEPLOYMENT, name)
    assert own_values(await world.read(DEPLOYMENT, name)) == own_values(before)
    await world.stack["workload-controller"].kill()
    await world.stack.restart("workload-controller")
    await world.set_image(DEPLOYMENT, name, "v2_ready-never")  # as a GitOps tool does
    again = await world.until(RolloutPaused, name, besides={failed.rollout})
    assert again.before_start
    assert failed.rollout in again.reason
    assert await world.tags(name) == ["1"] * REPLICAS
    listed = json.loads(await world.tidegate("guards", "-o", "json"))
    assert [each["rollout"]["paused"] for each in listed if each["name"] == name] == [again.reason]
    await world.tidegate("resume", again.rollout)
    await world.until(StepStarted, name, besides={failed.rollout})
    await world.set_image(DEPLOYMENT, name, "v1_ready-0.3")
    await world.until(RolloutRolledBack, name, besides={failed.rollout})
    await world.whole(DEPLOYMENT, name)
    after = await world.read(DEPLOYMENT, name)
    assert own_values(after) == own_values(before)
    assert "tidegate.io" not in json.dumps(after["metadata"].get("annotations", {}))


async def test_what_is_cancelled_goes_on_natively_and_is_not_held_again(world: Guarded) -> None:
    name = "cancelled"
    before = await world.make(DEPLOYMENT, name)
    await world.set_image(DEPLOYMENT, name, "v2_ready-0.3")
    paused = await world.until(PauseStarted, name)
    await world.tidegate("cancel", paused.rollout)
    await world.until(RolloutCancelled, name)
    await world.whole(DEPLOYMENT, name)
    assert own_values(await world.read(DEPLOYMENT, name)) == own_values(before)
    assert set(await world.tags(name)) == {"2"}
    await _is_left_alone(world, name, paused.rollout)


async def _is_left_alone(world: Guarded, name: str, rollout: str) -> None:
    """The next change is the next rollout: there was none between."""
    await world.set_image(DEPLOYMENT, name, "v3_ready-0.3")
    following = await world.until(RolloutAccepted, name, besides={rollout})
    assert following.supersedes is None
    accepted = [each for each in world.listener.events if isinstance(each, RolloutAccepted)]
    assert [each.rollout for each in accepted if each.request.workload.name == name] == [rollout, following.rollout]
    assert "held late" not in following.request.reason


async def test_an_object_that_is_replaced_whole_stays_held(world: Guarded) -> None:
    """Who replaces an object drops every annotation that its manifest doesn't have."""
    name = "replaced"
    before = await world.make(DEPLOYMENT, name)
    await world.set_image(DEPLOYMENT, name, "v2_ready-0.3")
    second = await world.until(PauseStarted, name)
    await world.apply(DEPLOYMENT.manifest(name, replicas=REPLICAS, tag="v3_ready-0.3"), verb="replace")
    third = await world.until(PauseStarted, name, besides={second.rollout})
    tags = await world.tags(name)
    assert (tags.count("1"), tags.count("3")) == (REPLICAS // 2, REPLICAS // 2)
    await world.tidegate("approve", third.rollout)
    await world.until(RolloutCompleted, name)
    assert own_values(await world.read(DEPLOYMENT, name)) == own_values(before)


async def test_the_example(world: Guarded) -> None:
    await world.apply(DEPLOYMENT.manifest("web", replicas=REPLICAS, tag="v1_ready-0.3"))
    await world.whole(DEPLOYMENT, "web")
    await world.tidegate("guard", "-f", str(EXAMPLE))
    await world.guarded(DEPLOYMENT, "web")
    await world.set_image(DEPLOYMENT, "web", "v2_ready-0.3")
    paused = await world.until(PauseStarted, "web", where=lambda event: event.step == 2)
    await world.tidegate("approve", paused.rollout)
    await world.until(RolloutCompleted, "web")
    assert set(await world.tags("web")) == {"2"}


async def test_nothing_but_the_template_is_held(world: Guarded) -> None:
    name = "scaled"
    before = await world.make(DEPLOYMENT, name)
    await kubectl(world.state, "scale", f"deployment/{name}", f"--replicas={REPLICAS + 1}")
    await kubectl(world.state, "annotate", f"deployment/{name}", "owner=somebody")
    await kubectl(world.state, "patch", "deployment", name, "-p", '{"spec": {"minReadySeconds": 1}}')
    await world.whole(DEPLOYMENT, name)
    after = await world.read(DEPLOYMENT, name)
    assert own_values(after) == {**own_values(before), "replicas": REPLICAS + 1, "minReadySeconds": 1}
    assert "tidegate.io" not in json.dumps(after["metadata"]["annotations"])


async def test_a_change_that_slipped_past_is_held_late(world: Guarded) -> None:
    name = "slipped"
    await world.make(DEPLOYMENT, name)
    await world.switch(on=False)
    try:
        await world.set_image(DEPLOYMENT, name, "v2_ready-0.3")
        began_s = time.time()
        accepted = await world.until(RolloutAccepted, name)
    finally:
        await world.switch(on=True)
    assert accepted.at_s - began_s < LATE_WITHIN_S
    assert "held late" in accepted.request.reason
    await world.until(PauseStarted, name)
    tags = await world.tags(name)
    assert tags.count("2") == REPLICAS // 2


async def test_a_guard_that_is_removed_leaves_nothing(world: Guarded) -> None:
    name = "left"
    await world.make(DEPLOYMENT, name)
    assert name in await world.tidegate("guards")
    await world.tidegate("unguard", name)
    await world.guarded(DEPLOYMENT, name, is_guarded=False)
    assert name not in await world.tidegate("guards")
    await world.set_image(DEPLOYMENT, name, "v2_ready-0.3")
    await world.whole(DEPLOYMENT, name)
    assert set(await world.tags(name)) == {"2"}


async def test_with_every_copy_away_the_workload_is_still_anybodys_to_write(world: Guarded) -> None:
    name = "unattended"
    await world.make(DEPLOYMENT, name)
    await world.stack["workload-controller"].kill()
    try:
        await world.set_image(DEPLOYMENT, name, "v2_ready-0.3")
        await world.whole(DEPLOYMENT, name)
    finally:
        await world.stack.restart("workload-controller")
    assert set(await world.tags(name)) == {"2"}


async def test_copies_that_all_see_a_change_ask_for_one_rollout_and_the_last_one_left_ends_it(world: Guarded) -> None:
    name = "watched-twice"
    second = await world.stack.start("workload-controller", copy=2, environment=environment(free_port()))
    try:
        await world.make(DEPLOYMENT, name)
        await world.set_image(DEPLOYMENT, name, "v2_ready-0.3")
        paused = await world.until(PauseStarted, name)
        await world.stack["workload-controller"].kill()
        await world.tidegate("approve", paused.rollout)
        await world.until(RolloutCompleted, name)
        await world.stack.restart("workload-controller")
    finally:
        await second.stop()
    accepted = [each for each in world.listener.events if isinstance(each, RolloutAccepted)]
    assert [each.rollout for each in accepted if each.request.workload.name == name] == [paused.rollout]
    assert not [each for each in world.listener.events if isinstance(each, RolloutRejected)]

"""A change that slipped past the webhook, of every kind: held late on its own controller, and told with what had moved.

Deployments: tests/e2e/test_guards.py.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from support.guarded import POLL_S, REPLICAS, WITHIN_S, Guarded, guarded_world, own_values
from support.kinds import CLONE_SET, DAEMON_SET, PARTITIONED, STATEFUL_SET, Kind
from support.sandbox import up_for_a_while

from tidegate_contracts.decisions import PauseStarted, RolloutAccepted, RolloutCompleted, RolloutRolledBack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
EACH = (STATEFUL_SET, DAEMON_SET, CLONE_SET)
"""Of each way of holding one; `make test-thorough` plays all."""

KINDS = pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, id=kind.label, marks=[] if kind in EACH else [pytest.mark.thorough]) for kind in PARTITIONED],
)
LATE_WITHIN_S = 1.0


@pytest.fixture(scope="module")
def with_every_kind() -> Iterator[SandboxState]:
    """A DaemonSet has as many pods as the others."""
    yield from up_for_a_while(including=("kruise",), without=("proxy", "prometheus"), nodes=REPLICAS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(with_every_kind: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    """Without the webhook that holds a change before it is stored."""
    services = ("orchestrator", "workload-controller")
    async with guarded_world(with_every_kind, tmp_path_factory.mktemp("late"), services) as made:
        await made.switch(on=False)
        yield made


@KINDS
async def test_it_is_held_within_a_second_and_rolled_out_in_the_guards_steps(world: Guarded, kind: Kind) -> None:
    name = f"late-{kind.label}"
    before = await world.make(kind, name)
    await world.set_image(kind, name, "v2_ready-0.3")
    began_s = time.time()
    accepted = await world.until(RolloutAccepted, name)
    assert accepted.at_s - began_s < LATE_WITHIN_S
    assert "held late" in accepted.request.reason
    paused = await world.until(PauseStarted, name)
    assert (await world.tags(name)).count("2") == REPLICAS // 2
    await world.tidegate("approve", paused.rollout)
    await world.until(RolloutCompleted, name)
    await world.whole(kind, name)
    assert own_values(await world.read(kind, name)) == own_values(before)
    assert await world.tags(name) == ["2"] * REPLICAS


@KINDS
async def test_what_had_moved_while_nobody_looked_is_told_and_goes_back(world: Guarded, kind: Kind) -> None:
    """Its controller itself stops at the first pod, which doesn't get ready."""
    name = f"moved-{kind.label}"
    before = await world.make(kind, name, deadlines={"progress_s": 2})
    await world.stack["workload-controller"].kill()
    try:
        await world.set_image(kind, name, "v2_ready-never")
        await _until_one_is_new(world, name)
    finally:
        await world.stack.restart("workload-controller")
    accepted = await world.until(RolloutAccepted, name)
    assert f"held late, with 1 of {REPLICAS} pods new already" in accepted.request.reason
    await world.until(RolloutRolledBack, name)
    await world.whole(kind, name)
    assert own_values(await world.read(kind, name)) == own_values(before)
    assert await world.tags(name) == ["1"] * REPLICAS


async def _until_one_is_new(world: Guarded, name: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while "2" not in await world.tags(name):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)

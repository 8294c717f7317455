"""OpenKruise's kinds, guarded: a change is held at admission, rolled out, and gone back from, as with native ones."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from support.guarded import Guarded, guarded_world, own_values
from support.kinds import ADVANCED_DAEMON_SET, ADVANCED_STATEFUL_SET, CLONE_SET, CLONE_SET_IN_PLACE, Kind
from support.sandbox import up_for_a_while

from tidegate_contracts.decisions import PauseStarted, RolloutAccepted, RolloutCompleted, RolloutRolledBack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
KINDS = (CLONE_SET, CLONE_SET_IN_PLACE, ADVANCED_STATEFUL_SET, ADVANCED_DAEMON_SET)


@pytest.fixture(scope="module")
def bus_and_kinds() -> Iterator[SandboxState]:
    """A sandbox with OpenKruise's manager and a bus of its own."""
    yield from up_for_a_while(including=("kruise",), without=("proxy", "prometheus"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(bus_and_kinds: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    services = ("orchestrator", "workload-controller")
    async with guarded_world(bus_and_kinds, tmp_path_factory.mktemp("guarded"), services) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
async def test_a_change_is_held_rolled_out_and_gone_back_from(world: Guarded, kind: Kind) -> None:
    before = await world.make(kind, kind.label)
    await world.set_image(kind, kind.label, "v2_ready-0.3")
    paused = await world.until(PauseStarted, kind.label)
    tags = await world.tags(kind.label)
    assert tags.count("2") == -(-len(tags) // 2)
    await world.tidegate("approve", paused.rollout)
    await world.until(RolloutCompleted, kind.label)
    await world.whole(kind, kind.label)
    after = await world.read(kind, kind.label)
    assert own_values(after) == own_values(before)
    assert "tidegate.io" not in json.dumps(after["metadata"].get("annotations", {}))
    assert set(await world.tags(kind.label)) == {"2"}

    await world.set_image(kind, kind.label, "v3_ready-0.3")
    second = await world.until(PauseStarted, kind.label, besides={paused.rollout})
    await world.set_image(kind, kind.label, "v2_ready-0.3")
    await world.until(RolloutRolledBack, kind.label)
    await world.whole(kind, kind.label)
    assert own_values(await world.read(kind, kind.label)) == own_values(before)
    assert set(await world.tags(kind.label)) == {"2"}
    accepted = [each for each in world.listener.events if isinstance(each, RolloutAccepted)]
    mine = [each.rollout for each in accepted if each.request.workload.name == kind.label]
    assert mine == [paused.rollout, second.rollout]

"""Each service and the NATS server killed once, at seeded moments, while a good and then a bad version roll.

The witnesses read only the API server, the proxy and the event stream.
"""

import asyncio
from pathlib import Path

import pytest

from tidegate_contracts.decisions import TERMINAL, RolloutCompleted, RolloutRolledBack
from tidegate_demo import promises
from tidegate_demo.journal import terminal
from tidegate_demo.kills import VICTIMS, kill_in_turn
from tidegate_demo.scenario import AVAILABLE_MINIMUM, IMAGES, REPLICAS, prepared
from tidegate_demo.stack import running_stack
from tidegate_sandbox.state import SandboxState

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.timeout(900),
    # The NATS client leaves the old stream unclosed when its server is killed.
    pytest.mark.filterwarnings("ignore:.*StreamWriter.__del__:pytest.PytestUnraisableExceptionWarning"),
]
END_TIMEOUT_S = 300.0


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.thorough)])
async def test_a_rollout_and_a_rollback_survive_a_kill_of_everything(
    own_sandbox: SandboxState, tmp_path: Path, seed: int
) -> None:
    async with running_stack(own_sandbox) as stack, prepared(own_sandbox, tmp_path / "load.jsonl") as world:
        observed = []
        for request, end, image in (("v2", RolloutCompleted, "v2"), ("v3", RolloutRolledBack, "v2")):
            killing = asyncio.create_task(kill_in_turn(stack, seed, VICTIMS))
            events = await world.ended(await world.publish(request, f"{request}-seed-{seed}"), END_TIMEOUT_S)
            await killing
            ends = {event.revision for event in events if isinstance(event, TERMINAL)}
            assert isinstance(terminal(events), end), terminal(events)
            assert len(ends) == 1, "exactly one terminal event"
            observed += [
                promises.never_above_target(world.observer.samples, events, IMAGES[request], REPLICAS),
                promises.whole(await world.observer.next_sample(), IMAGES[image], REPLICAS),
            ]
        summary = await world.load.stop()
        observed += [
            promises.always_available(world.observer.samples, AVAILABLE_MINIMUM),
            promises.nothing_lost(summary),
        ]
    assert [promise for promise in observed if not promise.kept] == []

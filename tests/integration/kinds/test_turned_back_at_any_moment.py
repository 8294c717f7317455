"""A rollback in the midst of a move, at seeded moments: whatever is counted then, no pod too many goes.

The native controllers count a Deployment's pods by what they have last heard of its ReplicaSets. Turned back at the
wrong moment they would let pods go in place of those that they only think are there. One such moment is rare, so
many are played, on the real controllers, watched by the witness.
"""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from support.controller_copy import ControllerCopy, controller_copy
from support.kinds import DEPLOYMENT
from support.sandbox import kubectl
from support.scenarios import SOON_S, V1, V2, Stage
from support.witness import Witness, own_spec
from support.workloads import observed, rig

from tidegate_contracts.orders import Target
from tidegate_contracts.rollout import Style
from tidegate_sandbox.sandbox import unique_name
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.thorough, pytest.mark.timeout(900)]

SEEDS: Final = range(48)
AT_ONCE: Final = 12
"""The busier the machine, the later the native controllers hear of each other."""

REPLICAS: Final = 10
MOVING_MAX_S: Final = 1.5
PERCENTS: Final = (30, 50, 80, 100)

Turn = Callable[[Stage, random.Random], Awaitable[None]]


async def in_a_moving_batch(stage: Stage, chance: random.Random) -> None:
    first, second = sorted(chance.sample(PERCENTS, 2))
    await stage.step(1, first)
    stage.witness.approve(Target(percent=second))
    await stage.made.give(stage.made.batch(2, f"{second}%"))
    await asyncio.sleep(chance.uniform(0.0, MOVING_MAX_S))  # not for anything: it is the moment


async def in_a_promotion(stage: Stage, chance: random.Random) -> None:
    await stage.step(1, 100)
    stage.witness.let_go()
    await stage.made.give(stage.made.promotion())
    await asyncio.sleep(chance.uniform(0.0, MOVING_MAX_S))  # the same


@pytest.mark.parametrize(
    ("style", "turn"),
    [("partition", in_a_moving_batch), ("canary", in_a_promotion), ("blue_green", in_a_promotion)],
)
async def test_turned_back_at_any_moment(kinds_sandbox: SandboxState, style: Style, turn: Turn) -> None:
    namespaces = [unique_name("turned") for _ in SEEDS]
    for namespace in namespaces:
        kubectl(kinds_sandbox, "create", "namespace", namespace)
    places = asyncio.Semaphore(AT_ONCE)
    async with controller_copy(kinds_sandbox) as copy:
        found = await asyncio.gather(
            *(
                _play(kinds_sandbox, copy, namespace, places, style=style, turn=turn, seed=seed)
                for seed, namespace in zip(SEEDS, namespaces, strict=True)
            )
        )
    kubectl(kinds_sandbox, "delete", "namespace", *namespaces, "--wait=false")
    broken = {seed: wrong for seed, wrong in zip(SEEDS, found, strict=True) if wrong}
    assert not broken, f"{len(broken)} of {len(SEEDS)} moments\n" + "\n".join(
        f"seed {seed}: {wrong}" for seed, wrong in broken.items()
    )


async def _play(
    sandbox: SandboxState,
    copy: ControllerCopy,
    namespace: str,
    places: asyncio.Semaphore,
    *,
    style: Style,
    turn: Turn,
    seed: int,
) -> str:
    """What went wrong, or nothing."""
    async with places, rig(sandbox, namespace, style=style, copy=copy) as made:
        try:
            await made.create(replicas=REPLICAS, tag=V1)
            own = await own_spec(made)
            async with observed(made) as seen:
                (stable,) = seen.samples[-1].alive
                witness = Witness(seen, stable, DEPLOYMENT.most_missing, keeps_stable=style != "partition")
                stage = Stage(made, seen, witness, stable, seed=seed)
                await stage.prepared(V2)
                await turn(stage, random.Random(seed))
                await made.release("restore", within_s=SOON_S)
                await made.until_all_run(V1, within_s=SOON_S)
                witness.check()
            assert await own_spec(made) == own
        except Exception:  # noqa: BLE001 - the test tells of all of them
            return traceback.format_exc()
    return ""

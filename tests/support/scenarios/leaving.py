"""Tidegate comes into the middle of something, or is taken away in the middle of its own: the workload ends whole."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

from support.scenarios.stage import SOON_S, V1, V2, V3, Stage
from support.until import until
from support.witness import own_spec
from tidegate_contracts.facts import WorkloadReleased
from tidegate_contracts.orders import Target

LET_GO_REPLICAS: Final = 3
MOVING_MAX_S: Final = 0.6
KILLED_AFTER_MAX_S: Final = 0.15


async def adopted_in_the_middle(stage: Stage) -> str:
    """A native update of the user's own is under way; pods of an even older version are kept, too."""
    made = stage.made
    stage.witness.look_away()
    await made.update(V2)
    await until(lambda: len(stage.seen.samples[-1].alive) > 1, within_s=SOON_S, what="a first pod of the user's update")
    await stage.prepared(V3)
    ready = await made.apply(1, "60%", within_s=SOON_S)
    assert ready.target_pods == (3 if made.kind.scales else 4)
    await made.apply(9, "100%", within_s=SOON_S)
    await made.release("promote", within_s=SOON_S)
    return V3


async def under_strategies_that_stop(stage: Stage) -> str:
    """Strategies of its user's own let nothing through: one rollout goes to its end under each, and one goes back."""
    made, tag = stage.made, V1
    for number, strategy in enumerate(made.kind.stopping()):
        before = await own_spec(made)
        await made.replace(strategy)
        own, tag = await own_spec(made), f"v{number + 2}_ready-0.1"
        await stage.prepared(tag, f"r{number}")
        await stage.step(1, 40, rollout=f"r{number}")
        await stage.finish(rollout=f"r{number}")
        await _at_rest(stage, own, tag)
        await stage.prepared(f"back-{tag}", f"b{number}")
        await stage.step(1, 40, rollout=f"b{number}")
        await made.release("restore", rollout=f"b{number}", within_s=SOON_S)
        await _at_rest(stage, own, tag)
        await made.replace({name: before.get(name) for name in strategy})
    return tag


async def _at_rest(stage: Stage, own: dict[str, Any], tag: str) -> None:
    """All pods run it, whatever the strategy that its user left on the workload would do."""
    stage.witness.let_go()
    await stage.made.until_all_run(tag, within_s=SOON_S)
    assert await own_spec(stage.made) == own
    await until(lambda: len(stage.seen.samples[-1].alive) == 1, within_s=SOON_S, what="pods of one version alone")
    stage.witness.begin_anew(*stage.seen.samples[-1].alive)


Moment = Callable[[Stage, str, random.Random], Awaitable[None]]


def _moving(percent: int) -> Moment:
    async def come(stage: Stage, rollout: str, chance: random.Random) -> None:
        stage.witness.approve(Target(percent=percent))
        await stage.made.give(stage.made.batch(1, f"{percent}%", rollout))
        await asyncio.sleep(chance.uniform(0.0, MOVING_MAX_S))  # not for anything: it is the moment

    return come


def _standing(percent: int) -> Moment:
    async def come(stage: Stage, rollout: str, _chance: random.Random) -> None:
        await stage.step(1, percent, rollout=rollout)

    return come


async def _only_prepared(_stage: Stage, _rollout: str, _chance: random.Random) -> None:
    pass


async def _promoting(stage: Stage, rollout: str, chance: random.Random) -> None:
    await stage.step(1, 100, rollout=rollout)
    stage.witness.promote(stage.made.canary_revision)
    await stage.made.give(stage.made.promotion(rollout))
    await asyncio.sleep(chance.uniform(0.0, MOVING_MAX_S))  # the same


async def _promoted(stage: Stage, rollout: str, _chance: random.Random) -> None:
    await stage.step(1, 100, rollout=rollout)
    await stage.promoted(rollout=rollout)


MOMENTS: Final[tuple[Moment, ...]] = (
    _only_prepared,
    *(_standing(20), _moving(60), _standing(60), _standing(100)),
)
PROMOTIONS: Final[tuple[Moment, ...]] = (_promoting, _promoted)


async def let_go_at_every_step(stage: Stage) -> str:
    """A cancellation, or the end of Tidegate: one rollout after another is let go, each a little later, by a copy that
    is killed on the way. Each time the workload comes to rest, whole, on what its own template says.
    """
    chance = random.Random(stage.seed)
    made = stage.made
    own = await own_spec(made)
    promotions = PROMOTIONS if made.style != "partition" else ()
    tag = await made.own_tag()
    for number, moment in enumerate((*MOMENTS, *promotions), start=2):
        new, rollout = f"v{number}_ready-0.1_drain-0", f"r{number}"
        await stage.prepared(new, rollout)
        await moment(stage, rollout, chance)
        stage.witness.let_go()
        await _let_go(stage, rollout, chance)
        untouched = moment is _only_prepared or (stage.is_beside and moment not in PROMOTIONS)
        before, tag = tag, await made.own_tag()
        assert tag in ({before} if untouched else {before, new})
        await made.until_whole(within_s=SOON_S)
        await made.until_all_run(tag, within_s=SOON_S)
        assert await own_spec(made) == own
        await until(lambda: len(stage.seen.samples[-1].alive) == 1, within_s=SOON_S, what="pods of one version alone")
        stage.witness.begin_anew(*stage.seen.samples[-1].alive)
    return tag


async def _let_go(stage: Stage, rollout: str, chance: random.Random) -> None:
    made = stage.made
    order = made.giving_back("let_go", rollout)
    await made.give_to_mortal(order, after_s=chance.uniform(0.0, KILLED_AFTER_MAX_S))
    await made.give(order)
    await made.fact(WorkloadReleased, within_s=SOON_S)

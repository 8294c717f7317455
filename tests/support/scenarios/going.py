"""Where a rollout may go: forward, to any step, back, and to another version in the middle."""

import random
from typing import Final

from support.scenarios.stage import SOON_S, V1, V2, V3, Stage, stage_left
from support.until import until
from tidegate_contracts.facts import BatchReady, WorkloadPromoted
from tidegate_contracts.orders import Target, WorkloadOrder

KILLS_EACH: Final = 2
KILLED_AFTER_MAX_S: Final = 0.5


async def forward(stage: Stage) -> str:
    """Each batch is exactly what its percentage means."""
    for number, percent in enumerate((20, 40, 80), start=1):
        ready = await stage.step(number, percent)
        assert ready.target_pods == -(-percent * ready.counts.replicas // 100)
        assert stage.seen.most(ready.canary_revision) == ready.target_pods
    return await stage.finish()


async def jumped_ahead_and_back(stage: Stage) -> str:
    """An earlier step's batch is ready at once, since there are as many pods and more."""
    await stage.step(1, 20)
    ahead = await stage.step(4, 80)
    back = await stage.step(2, 40)
    assert back.canary_revision == ahead.canary_revision
    assert ahead.target_pods > back.target_pods <= back.counts.updated_ready
    return await stage.finish()


async def rolled_back(stage: Stage) -> str:
    await stage.step(1, 20)
    await stage.step(2, 60)
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def rolled_back_from_the_end(stage: Stage) -> str:
    await stage.step(1, 100)
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def rolled_back_in_batches(stage: Stage) -> str:
    """One step's pods after the other, a copy killed on the way."""
    await stage.step(1, 20)
    await stage.step(2, 40)
    await stage.step(3, 80)
    order = stage.made.batch(2, "40%", going_back=True)
    await stage.made.give(order)
    stable = lambda: stage.seen.samples[-1].alive.get(stage.stable, 0)  # noqa: E731
    await until(lambda: stable() > 1, within_s=SOON_S, what="a first stable pod")
    await stage.made.give(order)
    await _back(stage, await stage.made.fact(BatchReady, within_s=SOON_S), 40)
    await _back(stage, await stage.made.apply(1, "20%", going_back=True, within_s=SOON_S), 20)
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def _back(stage: Stage, ready: BatchReady, percent: int) -> None:
    """Back at a step's pods, of which there may be fewer from now on, and never more again."""
    counts = ready.counts
    most = -(-percent * counts.replicas // 100)
    assert (ready.target_pods, ready.settled, counts.updated) == (most, True, most), ready
    assert counts.stable_ready == counts.replicas - most, ready
    stage.witness.approve(Target(count=most))


async def rolled_back_while_promoted(stage: Stage) -> str:
    """The workload itself is between two versions: it goes back by its user's own strategy."""
    await stage.step(1, 100)
    stage.witness.look_away()
    await stage.made.give(stage.made.promotion())
    await stage_left(stage, stage.stable)
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def superseded(stage: Stage) -> str:
    await stage.step(1, 40)
    await stage.prepared(V3, "r2")
    stage.witness.supersede()
    await stage.step(1, 20, rollout="r2")
    await stage.step(2, 60, rollout="r2")
    await stage.finish(rollout="r2")
    return V3


async def the_stable_version_again(stage: Stage) -> str:
    """A newer request wants what was there before: the new pods go, and every batch is ready without one."""
    await stage.step(1, 60)
    prepared = await stage.prepared(V1, "r2")
    assert prepared.stable_revision == stage.stable
    ready = await stage.step(1, 40, rollout="r2")
    assert ready.canary_revision == stage.stable
    await stage.made.until_all_run(V1, within_s=SOON_S)
    await stage.finish(rollout="r2")
    return V1


async def copies_killed(stage: Stage) -> str:
    """The copy that holds the order dies at seeded moments, and another one takes over, knowing nothing."""
    chance = random.Random(stage.seed)
    made = stage.made
    for number, percent in enumerate((20, 60, 100), start=1):
        stage.witness.approve(Target(percent=percent))
        await _held_by_mortals(stage, made.batch(number, f"{percent}%"), chance)
        ready = await made.fact(BatchReady, lambda each: each.settled, within_s=SOON_S)
        made.canary_revision = ready.canary_revision
    if made.style != "partition":
        stage.witness.promote(made.canary_revision)
        await _held_by_mortals(stage, made.promotion(), chance)
        await made.fact(WorkloadPromoted, within_s=SOON_S)
        stage.witness.let_go()
    await made.release("promote", within_s=SOON_S)
    return V2


async def _held_by_mortals(stage: Stage, order: WorkloadOrder, chance: random.Random) -> None:
    for _ in range(KILLS_EACH):
        await stage.made.give_to_mortal(order, after_s=chance.uniform(0.0, KILLED_AFTER_MAX_S))
    await stage.made.give(order)

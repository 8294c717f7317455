"""Kills at seeded moments, as a bad day would deal them: each service and the NATS server, while a rollout runs.

What was killed is started again at once, as any supervisor would. Used by the tests with kills and by the bench.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from tidegate_demo.stack import SERVICES, Stack
from tidegate_sandbox.sandbox import part

NATS: Final = "nats"
VICTIMS: Final = (*SERVICES, NATS)
BETWEEN_S: Final = (0.5, 4.0)
"""The least and the most time between two kills."""


class Kill(NamedTuple):
    victim: str
    at_s: float


def drawn(seed: int, victims: Sequence[str] = VICTIMS) -> list[tuple[float, str]]:
    """The seed's own order of victims, each with the wait before it."""
    generator = random.Random(seed)  # noqa: S311 - a seeded schedule, nothing secret
    order = generator.sample(victims, len(victims))
    return [(generator.uniform(*BETWEEN_S), victim) for victim in order]


async def kill_in_turn(stack: Stack, seed: int, victims: Sequence[str] = VICTIMS) -> list[Kill]:
    """Kills each victim once; returns when the last one is back."""
    kills = []
    for wait_s, victim in drawn(seed, victims):
        await asyncio.sleep(wait_s)
        kills.append(Kill(victim, time.time()))
        await kill(stack, victim)
    return kills


async def kill(stack: Stack, victim: str) -> None:
    if victim == NATS:
        await asyncio.to_thread(part, stack.state.name, "kill", NATS)
        await asyncio.to_thread(part, stack.state.name, "ready", NATS)
        return
    await stack[victim].kill()
    await stack.restart(victim)

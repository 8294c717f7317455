"""Requests lost to a rollout, at 200 a second, good version and bad, with every service killed in between."""

import asyncio
from pathlib import Path
from typing import Final

from tidegate_contracts.decisions import RolloutCompleted, RolloutRolledBack
from tidegate_demo.journal import terminal, verdict_to_safe_s
from tidegate_demo.kills import kill_in_turn
from tidegate_demo.scenario import prepared
from tidegate_demo.stack import SERVICES, Stack

END_TIMEOUT_S: Final = 240.0
SEED: Final = 20


async def measure(stack: Stack, directory: Path) -> dict[str, object]:
    """`requests_lost` and `verdict_to_safe_s`: the demo's two rollouts, each with a kill of every service.

    The time from the verdict is taken from a third rollout, of the bad version again, that nothing disturbs.
    """
    async with prepared(stack.state, directory / "load.jsonl") as world:
        for seed, request, end in ((SEED, "v2", RolloutCompleted), (SEED + 1, "v3", RolloutRolledBack)):
            kills = asyncio.create_task(kill_in_turn(stack, seed, tuple(SERVICES)))
            rollout = await world.publish(request)
            events = await world.ended(rollout, END_TIMEOUT_S)
            await kills
            assert isinstance(terminal(events), end), f"{rollout} ended with {terminal(events)}"
        again = await world.publish("v3", rollout="web-v3-again")
        safe_s = verdict_to_safe_s(await world.ended(again, END_TIMEOUT_S))
        summary = await world.load.stop()
    return {
        "requests_lost": summary.lost_total,
        "requests_sent": summary.sent,
        "requests_lost_by_kind": dict(summary.lost),
        "verdict_to_safe_s": safe_s,
    }

"""Waiting for the world to become as expected, instead of sleeping and hoping."""

import asyncio
from collections.abc import Callable

POLL_PERIOD_S = 0.01


async def until(condition: Callable[[], object], *, within_s: float = 5.0, what: str = "the condition") -> None:
    """Return as soon as `condition()` is true; fail with `what` when it isn't in time."""
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - the world outside has no event to wait for
                await asyncio.sleep(POLL_PERIOD_S)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {within_s} s") from None

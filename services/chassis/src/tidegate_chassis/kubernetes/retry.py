"""The one retry policy for calls to the API server.

Only `Transient` is tried again: by its definition nothing was changed, so this is as safe for a write as for a read.
Everything else is the caller's decision. Used by `client` around each attempt and by `reflector` for its
backoff.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from tidegate_chassis.errors import Transient

__all__ = ["CALL_RETRIES", "Backoff", "with_retries"]

T = TypeVar("T")


class Backoff(msgspec.Struct, frozen=True):
    """Exponential, with full jitter above a half, so that copies that failed together don't return together.

    Args:
        first_s: The longest first delay.
        max_s: The longest delay ever.
        attempts_max: How many attempts in all; only `with_retries` counts.
    """

    first_s: float
    max_s: float
    attempts_max: int = 1

    def delay_s(self, failures: int) -> float:
        """The delay after so many failures in a row (1 or more)."""
        assert failures >= 1, "there is no delay before the first failure"
        ceiling_s = min(self.max_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return ceiling_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing


CALL_RETRIES = Backoff(first_s=0.1, max_s=2.0, attempts_max=4)
RETRY_AFTER_MAX_S = 5.0  # a longer wait belongs to the caller, who may have better things to do


async def with_retries(attempt: Callable[[], Awaitable[T]], backoff: Backoff = CALL_RETRIES) -> T:
    """Call until it succeeds, fails for good, or has been tried often enough; then the last error is raised."""
    for failures in range(1, backoff.attempts_max):
        try:
            return await attempt()
        except Transient as error:
            asked_s = error.delay_s or 0.0
            if asked_s > RETRY_AFTER_MAX_S:
                raise
            await asyncio.sleep(max(asked_s, backoff.delay_s(failures)))
    return await attempt()

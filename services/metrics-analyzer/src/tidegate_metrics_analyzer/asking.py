"""One question to one provider, with a limit on its time. Never raises; called by `measure` and `comparing`."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

import structlog

from tidegate_metrics_analyzer import metrics
from tidegate_metrics_analyzer.question import Unanswered, Unusable

ASK_TIMEOUT_S: Final = 15.0
"""Above every provider's own timeout: it only ends a provider that has none."""

_log = structlog.get_logger()
_Answered = TypeVar("_Answered")


async def answered(provider: str, asked: Awaitable[_Answered | Unusable]) -> _Answered | Unusable:
    """What the provider answers, or why there is no answer."""
    try:
        with metrics.query_seconds.labels(provider).time():
            async with asyncio.timeout(ASK_TIMEOUT_S):
                return await asked
    except TimeoutError:
        return Unanswered(f"no answer within {ASK_TIMEOUT_S:g} s")
    except Exception as error:  # noqa: BLE001 - a plugin is foreign code: its bug is doubt, never a lost verdict
        _log.exception("a metric provider has a bug", provider=provider)
        return Unanswered(f"the provider broke: {type(error).__name__}")

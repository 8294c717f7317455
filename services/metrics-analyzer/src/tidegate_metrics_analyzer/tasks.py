"""Tasks brought to their end, by `run`, `analysis` and `template_run`."""

import asyncio
from typing import Any


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancelled and gone. Their exceptions were for those who waited for them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

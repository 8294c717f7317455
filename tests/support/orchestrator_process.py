"""The real orchestrator, in a process that kills itself where a test wants it: `DIES=orders:3` before its third order.

Between the append of a decision and the publishing of its orders lies what a crash may lose; the product itself knows
nothing of this.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from tidegate_orchestrator import app, sweep
from tidegate_orchestrator.handle import Handler
from tidegate_orchestrator.history import EventHistory
from tidegate_orchestrator.outbox import BusOutbox

POINTS: dict[str, tuple[type[Any], str]] = {
    "append": (EventHistory, "append"),
    "orders": (BusOutbox, "_order"),
    "ack": (Handler, "tell"),
}


def plant(point: str, countdown: int) -> None:
    """Dies before the append or the order, or after all was told and before the ack."""
    owner, name = POINTS[point]
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)
    left = countdown

    async def deadly(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and point != "ack":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await real(self, *arguments, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


if __name__ == "__main__":
    if "SWEEP_S" in os.environ:
        setattr(sweep, "INTERVAL_S", float(os.environ["SWEEP_S"]))  # noqa: B010 - a constant of the product
    if dies := os.environ.get("DIES"):
        which, _, count = dies.partition(":")
        plant(which, int(count or 1))
    app.main()

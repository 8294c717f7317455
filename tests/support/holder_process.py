"""A worker of its own process: for each order it writes a line to the world, again and again, as long as it may."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tidegate_chassis.service import Context, run
from tidegate_chassis.settings import Settings, load_or_exit
from tidegate_chassis.standing_orders import HeldOrder, StandingOrders
from tidegate_contracts.codec import workload_order_decoder
from tidegate_contracts.orders import ReleaseWorkload, WorkloadOrder


class WritingHolder:
    def __init__(self, world: Path, copy: str, period_s: float) -> None:
        self._world = os.open(world, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._copy = copy
        self._period_s = period_s

    async def hold(self, held: HeldOrder[WorkloadOrder]) -> None:
        while True:
            held.ensure()
            line = f"{self._copy} {held.key.name} {held.revision} {time.monotonic():.6f}\n"
            os.write(self._world, line.encode())
            if isinstance(held.order, ReleaseWorkload):
                return
            await asyncio.sleep(self._period_s)


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    period_s = float(os.environ.get("PERIOD_S", "0.02"))
    holder = WritingHolder(Path(os.environ["WORLD"]), os.environ["COPY"], period_s)
    context.add(StandingOrders(context, workload_order_decoder.decode, holder))
    yield


if __name__ == "__main__":
    run("workload-controller", load_or_exit(Settings), compose)

"""Requests all the while: to one or more hosts of a proxy, by HTTP/1.1 and by HTTP/2 at once.

`TrafficRig.loaded` starts it; tests read what was answered and lost so far. Each loss is told with its time, for the
message of a test that fails.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from support.until import until
from tidegate_sandbox.load.exchange import HttpVersion
from tidegate_sandbox.load.run import LoadRun, Plan
from tidegate_sandbox.load.tally import Record, lost_kind

BOTH: Final[tuple[HttpVersion, ...]] = ("1.1", "2")
TOLD_MAX: Final = 20


def plan(url: str, host: str, rate_per_s: float, http_version: HttpVersion, duration_s: float | None = None) -> Plan:
    return Plan(
        url=url,
        host_header=host,
        http_version=http_version,
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        timeout_s=5.0,
        new_connection_percent=5.0,
    )


class SteadyLoad:
    def __init__(self, plans: Sequence[Plan], last_told: Callable[[], object]) -> None:
        self.told: list[str] = []
        self._last_told = last_told
        self.runs = [LoadRun(each, on_record=self._note) for each in plans]

    def _note(self, record: Record) -> None:
        kind = lost_kind(record)
        if kind is not None and len(self.told) < TOLD_MAX:
            self.told.append(f"{time.time():.3f} {kind}: {record}; last told: {self._last_told()}")

    @property
    def lost(self) -> int:
        return sum(run.totals.lost_total for run in self.runs)

    def lost_by_all(self) -> bool:
        """Whether each host has lost some, by either version of HTTP."""
        return all(run.totals.lost_total for run in self.runs)

    @property
    def finished(self) -> int:
        return sum(run.totals.finished for run in self.runs)

    def answered(self) -> Counter[str]:
        """Good answers by version of the pods."""
        found: Counter[str] = Counter()
        for run in self.runs:
            found.update({version: count.ok for version, count in run.totals.versions.items()})
        return found

    @asynccontextmanager
    async def running(self, *, lossless: bool) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(run.run()) for run in self.runs]
        await until(lambda: any(task.done() for task in tasks) or all(run.totals.finished for run in self.runs))
        try:
            yield
        finally:
            for run in self.runs:
                run.stop()
            await asyncio.gather(*tasks)
        assert not lossless or not self.lost, f"{self.lost} of {self.finished} lost: {self.told}"

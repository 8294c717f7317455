"""What a kind of workload has to be: the border between the hold loop and everything that knows one kind.

`holder` drives it: look, decide, carry out, wait for a change, again. Views and memories are the kind's own; the loop
only passes them on. The built-in kinds are all `held.Held`, made of pure decisions (`convergence`, `release`) and of
what reads and writes; another one whose pods belong to it directly starts from `revisioned.Revisioned`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from tidegate_contracts.facts import WorkloadFact, WorkloadPrepared, WorkloadRefused
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload, PromoteWorkload, ReleaseWorkload
from tidegate_workload_controller.actions import Action, Decision

Prepared = WorkloadPrepared | WorkloadRefused

HeldOrder = ApplyBatch | PromoteWorkload | ReleaseWorkload
"""The orders that are decided about again and again."""

Ensure = Callable[[], None]
"""Raises where the order is no longer ours; to be called right before every write."""


class HeldWorkload(Protocol):
    """One workload of a kind, in this process's hands."""

    changed: asyncio.Event
    """Set whenever anything of the workload was seen to change."""

    async def prepare(
        self, order: PrepareWorkload, *, patient: bool, now_s: float
    ) -> WorkloadPrepared | WorkloadRefused:
        """Try the change without making it.

        Raises:
            Transient: It can't be told yet; `patient` allows that for what time may mend.
        """
        ...

    async def synced(self) -> None:
        """Returns when the caches hold what there is of the kind."""
        ...

    def look(self) -> Any:
        """The workload as the caches have it, or None where they haven't."""
        ...

    async def look_live(self) -> Any:
        """The workload as the API server has it now, or None where it doesn't exist."""
        ...

    def remember(self, order: HeldOrder) -> Any:
        """The memory to start an order with; asked for before the first look."""
        ...

    def decide(self, order: HeldOrder, view: Any, memory: Any, now_s: float) -> Decision[Any]:
        """What to do now; pure."""
        ...

    async def carry_out(self, action: Action, view: Any, ensure: Ensure) -> None:
        """Make a decision's patch; never a `Report`, which is the loop's own.

        Raises:
            Conflict: The workload is not what was looked at; the loop looks again.
            UnknownOutcome: It may have been made; the loop looks again and forgets what it remembers.
        """
        ...

    async def explain(self, fact: WorkloadFact) -> WorkloadFact:
        """The fact as it is to be reported: with what only a look elsewhere can tell of it."""
        ...

    def close(self) -> None:
        """The order for which it was opened has ended here; another one may have opened it since."""
        ...


@runtime_checkable
class WorkloadKind(Protocol):
    """All workloads of one kind; made once, with the `Cluster`, when the service starts."""

    def open(self, namespace: str, name: str) -> HeldWorkload:
        """One workload, whether it exists or not, for one order: closed when that ends."""
        ...

"""Progress for eyes and dashboards: published as telemetry when it changes, a few times a second at most.

`holder` shows every decision's progress; the last one of a burst is never left out, only late.
"""

from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_chassis.publish import Reports
from tidegate_contracts.telemetry import PodsProgressed
from tidegate_contracts.workload import WorkloadKey
from tidegate_workload_controller.actions import Progress

INTERVAL_S: Final = 0.2


class Showing:
    """The progress of one order.

    Args:
        publisher: Sends it, or drops it.
        clock: Tells when.
        key: The workload.
        rollout: The rollout.
        step: The order's step.
    """

    def __init__(self, publisher: Reports, clock: Clock, key: WorkloadKey, rollout: str, step: int) -> None:
        self._publisher = publisher
        self._clock = clock
        self._key = key
        self._rollout = rollout
        self._step = step
        self._shown: Progress | None = None
        self._shown_s = 0.0

    async def show(self, progress: Progress | None) -> float | None:
        """Show what has changed; answers when to come again where it is too early."""
        if progress is None or progress == self._shown:
            return None
        now_s = self._clock.now_s()
        if now_s - self._shown_s < INTERVAL_S:
            return self._shown_s + INTERVAL_S
        self._shown, self._shown_s = progress, now_s
        telemetry = PodsProgressed(
            rollout=self._rollout,
            at_s=now_s,
            step=self._step,
            target_pods=progress.target_pods,
            counts=progress.counts,
            waiting_for=progress.waiting_for,
        )
        await self._publisher.observe(self._key, self._rollout, telemetry)
        return None

"""What an order's work has found, as facts and telemetry; each thing is told once until another came between.

Made by `holder` for each order that it holds. Facts may repeat after a crash: the orchestrator expects it.
"""

from typing import Final

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.publish import Reports
from tidegate_chassis.standing_orders import HeldOrder
from tidegate_contracts.facts import (
    TrafficFact,
    TrafficRefused,
    TrafficReleased,
    TrafficRepaired,
    TrafficShifted,
)
from tidegate_contracts.orders import ReleaseTraffic, RouteOrder
from tidegate_contracts.problem import Problem
from tidegate_contracts.telemetry import TrafficObserved
from tidegate_traffic_shifter.outcome import Repair

REPAIR_QUIET_S: Final = 30.0
"""A tool that undoes our part again and again is told of this often: a history has a limit."""

_log = structlog.get_logger(__name__)


class Reporter:
    """Args:
    held: The order that is answered.
    publisher: Where facts go.
    clock: The time.
    """

    def __init__(self, held: HeldOrder[RouteOrder], publisher: Reports, clock: Clock) -> None:
        self._held = held
        self._publisher = publisher
        self._clock = clock
        self._told: str = ""
        self._shown: tuple[str, bool] | None = None
        self._repair_told_until_s: dict[Repair, float] = {}
        self.accepted_at_s = 0.0

    @property
    def told_shifted(self) -> bool:
        """Whether the last thing that was told is that traffic is where it should be."""
        return self._told == "shifted"

    async def shifted(self, weight_percent: int) -> None:
        await self.show("", accepted=True)
        if self._told != "shifted":
            fact = TrafficShifted(
                rollout=self._held.order.rollout,
                order_revision=self._held.revision,
                at_s=self._clock.now_s(),
                weight_percent=weight_percent,
                accepted_at_s=self.accepted_at_s,
            )
            await self._report(fact)
            self._told = "shifted"

    async def refused(self, problem: Problem) -> None:
        await self.show(str(problem), accepted=False)
        if self._told != str(problem):
            fact = TrafficRefused(
                rollout=self._held.order.rollout,
                order_revision=self._held.revision,
                at_s=self._clock.now_s(),
                problem=problem,
            )
            await self._report(fact)
            self._told = str(problem)

    async def repaired(self, repair: Repair) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < self._repair_told_until_s.get(repair, 0.0):
            _log.warning("repaired again", what=repair.what, by=repair.by)
            return
        self._repair_told_until_s[repair] = now_s + REPAIR_QUIET_S
        fact = TrafficRepaired(
            rollout=self._held.order.rollout,
            order_revision=self._held.revision,
            at_s=self._clock.now_s(),
            what=repair.what,
            by=repair.by,
        )
        await self._report(fact)

    async def released(self) -> None:
        fact = TrafficReleased(
            rollout=self._held.order.rollout, order_revision=self._held.revision, at_s=self._clock.now_s()
        )
        await self._report(fact)

    async def show(self, waiting_for: str, *, accepted: bool) -> None:
        """Telemetry for eyes, when it has changed."""
        if self._shown == (waiting_for, accepted):
            return
        self._shown = (waiting_for, accepted)
        order = self._held.order
        telemetry = TrafficObserved(
            rollout=order.rollout,
            at_s=self._clock.now_s(),
            weight_asked_percent=0 if isinstance(order, ReleaseTraffic) else order.weight_percent,
            accepted=accepted,
            waiting_for=waiting_for,
        )
        await self._publisher.observe(self._held.key, order.rollout, telemetry)

    async def _report(self, fact: TrafficFact) -> None:
        self._held.ensure()
        await self._publisher.report(self._held.key, fact, cause=self._held.message.id)
        _log.info("reported", fact=type(fact).__name__)

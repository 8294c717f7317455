"""Carries out one standing order: look, decide, act, wait for a change, and again, until it is superseded or done.

Called by the chassis' standing orders, one task per workload. It knows orders, facts and time; all that concerns a kind
of workload is behind `kinds.protocol`. Nothing is polled: a wait ends with a change that a watch has seen, or when a
decision asked to be called again.
"""

import asyncio
from typing import Any, Final

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, Permanent, UnknownOutcome
from tidegate_chassis.publish import Reports
from tidegate_chassis.standing_orders import HeldOrder
from tidegate_contracts.facts import WorkloadFact, WorkloadRefused
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload, PromoteWorkload, ReleaseWorkload, WorkloadOrder
from tidegate_contracts.problem import Problem, printable
from tidegate_workload_controller.actions import Action, Decision, Report
from tidegate_workload_controller.catalogue import Catalogue
from tidegate_workload_controller.kinds.protocol import HeldWorkload
from tidegate_workload_controller.showing import Showing

PATIENCE_S: Final = 5.0
"""How long a new workload may take to have a first revision."""

CONFLICTS_MAX: Final = 5
"""Lost races in a row after which the loop backs off."""

RESTLESS_MAX: Final = 25
"""Decisions in a row that all wanted to act: more is a loop that leads nowhere."""

RESTLESS_WAIT_S: Final = 1.0
REFUSED_WAIT_S: Final = 15.0
"""After the API server refused a patch: people have to change something first."""

_log = structlog.get_logger(__name__)


class WorkloadHolder:
    """The chassis' `Holder` of workload orders.

    Args:
        kinds: What a workload may be.
        publisher: Where facts go.
        clock: The time.
    """

    def __init__(self, kinds: Catalogue, publisher: Reports, clock: Clock) -> None:
        self._kinds = kinds
        self._publisher = publisher
        self._clock = clock

    async def hold(self, held: HeldOrder[WorkloadOrder]) -> None:
        workload = await self._kinds.open(held.key, held.order.workload)
        if isinstance(workload, Problem):
            await self._refuse(held, workload)
            return
        try:
            if isinstance(held.order, PrepareWorkload):
                await self._prepare(held, held.order, workload)
            else:
                await workload.synced()
                await _Loop(held, held.order, workload, self._publisher, self._clock).run()
        finally:
            workload.close()

    async def _prepare(self, held: HeldOrder[WorkloadOrder], order: PrepareWorkload, workload: HeldWorkload) -> None:
        now_s = self._clock.now_s()
        patient = now_s - held.message.time_s < PATIENCE_S
        fact = await workload.prepare(order, patient=patient, now_s=now_s)
        await self._report(held, fact)

    async def _refuse(self, held: HeldOrder[WorkloadOrder], problem: Problem) -> None:
        order = held.order
        fact = WorkloadRefused(
            rollout=order.rollout, order_revision=order.revision, at_s=self._clock.now_s(), problem=problem
        )
        await self._report(held, fact)

    async def _report(self, held: HeldOrder[WorkloadOrder], fact: WorkloadFact) -> None:
        held.ensure()
        await self._publisher.report(held.key, fact, cause=held.message.id)


class _Loop:
    """One order and one workload, until the order ends."""

    def __init__(
        self,
        held: HeldOrder[WorkloadOrder],
        order: ApplyBatch | PromoteWorkload | ReleaseWorkload,
        workload: HeldWorkload,
        publisher: Reports,
        clock: Clock,
    ) -> None:
        self._held = held
        self._order = order
        self._workload = workload
        self._publisher = publisher
        self._clock = clock
        self._showing = Showing(publisher, clock, held.key, order.rollout, order.step)
        self._memory: Any = workload.remember(order)
        self._conflicts = 0
        self._refusal = ""

    async def run(self) -> None:
        live, restless = False, 0
        while True:
            self._workload.changed.clear()
            view, decision = await self._decide(live=live)
            live = not await self._act(decision, view)
            if decision.done and not live:
                return
            show_s = await self._showing.show(decision.progress)
            restless = restless + 1 if decision.actions or live else 0
            if restless == 0:
                await self._wait(decision.until_s, show_s)
            elif restless >= RESTLESS_MAX:
                _log.warning("an order leads nowhere", actions=[type(each).__name__ for each in decision.actions])
                await self._clock.sleep(RESTLESS_WAIT_S)

    async def _decide(self, *, live: bool) -> tuple[Any, Decision[Any]]:
        """Decide from the caches or, where the decision or the loop asks for it, from the API server."""
        view = None if live else self._workload.look()
        if view is None:
            view = await self._workload.look_live()
        decision = self._workload.decide(self._order, view, self._memory, self._clock.now_s())
        if not decision.look_live:
            return view, decision
        await self._act(decision, view)  # what can be done already, such as labels, needs no second look
        view = await self._workload.look_live()
        decision = self._workload.decide(self._order, view, decision.memory, self._clock.now_s())
        assert not decision.look_live, "a live view is all that there is"
        return view, decision

    async def _act(self, decision: Decision[Any], view: Any) -> bool:
        """Carry out a decision; False where the world was not as it was seen, and has to be looked at anew."""
        try:
            for action in decision.actions:
                await self._carry_out(action, view)
        except Conflict as error:
            self._conflicts += 1
            if self._conflicts > CONFLICTS_MAX:
                raise
            _log.info("the workload changed meanwhile", reason=error.reason)
            return False
        except UnknownOutcome as error:
            _log.warning("a write's outcome is unknown, looking again", reason=error.reason)
            self._memory = self._workload.remember(self._order)
            return False
        except Permanent as error:
            await self._refused(error)
            return False
        self._conflicts = 0
        self._memory = decision.memory
        return True

    async def _carry_out(self, action: Action, view: Any) -> None:
        if isinstance(action, Report):
            await self._report(await self._workload.explain(action.fact))
        else:
            await self._workload.carry_out(action, view, self._held.ensure)

    async def _report(self, fact: WorkloadFact) -> None:
        self._held.ensure()
        await self._publisher.report(self._held.key, fact, cause=self._held.message.id)
        _log.info("reported", fact=type(fact).__name__)

    async def _refused(self, error: Permanent) -> None:
        """The API server won't have our patch: say why, once, and try again later."""
        _log.error("the API server refuses", reason=error.reason, code=error.code)
        if error.reason != self._refusal:
            self._refusal = error.reason
            problem = Problem(
                field=error.field or "workload",
                value=printable(error.value),
                rule=printable(error.rule or error.reason),
                remedy=printable(error.remedy or "Change what the API server refuses; it is tried again."),
            )
            order = self._order
            fact = WorkloadRefused(
                rollout=order.rollout, order_revision=order.revision, at_s=self._clock.now_s(), problem=problem
            )
            await self._report(fact)
        await self._clock.sleep(REFUSED_WAIT_S)

    async def _wait(self, *until_s: float | None) -> None:
        """For a change, or for the earliest of the given times."""
        moments = [moment for moment in until_s if moment is not None]
        timeout_s = max(min(moments) - self._clock.now_s(), 0.0) if moments else None
        try:
            async with asyncio.timeout(timeout_s):
                await self._workload.changed.wait()
        except TimeoutError:
            return

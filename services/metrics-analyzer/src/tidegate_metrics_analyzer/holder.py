"""What the analyzer does with the order it holds for a workload: stand by it, report verdicts, let go at the end.

Called by the chassis' standing orders, one task per workload. It leaves what was measured for the copy that may take
the order over, and reads what another copy left; a background analysis goes on under the rollout's next order.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from typing import Final, NamedTuple, Protocol, assert_never

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Transient, UnknownOutcome
from tidegate_chassis.publish import Publisher
from tidegate_chassis.standing_orders import HeldOrder
from tidegate_contracts.facts import AnalysisConcluded, AnalysisReleased
from tidegate_contracts.orders import Analyse, AnalysisOrder, ReleaseAnalysis
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_metrics_analyzer import kept, metrics
from tidegate_metrics_analyzer.analysis import BACKGROUND_GAP_S_MAX, StandingAnalysis
from tidegate_metrics_analyzer.kept import Kept
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.run import Run
from tidegate_metrics_analyzer.tasks import ended

BACKGROUNDS_KEPT: Final = 2000
REPORT_RETRY_S: Final = 0.5

_log = structlog.get_logger()


class _Background(NamedTuple):
    rollout: str
    run: Run
    left_at_s: float


class Shelf(Protocol):
    """Where copies leave things for each other."""

    async def put(self, key: WorkloadKey, payload: bytes) -> None: ...

    async def get(self, key: WorkloadKey) -> bytes | None: ...


class AnalysisHolder:
    """The `Holder` of analysis orders."""

    def __init__(self, measurer: Measurer, publisher: Publisher, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._measurer = measurer
        self._publisher = publisher
        self._clock = clock
        self._backgrounds: OrderedDict[WorkloadKey, _Background] = OrderedDict()

    async def hold(self, held: HeldOrder[AnalysisOrder]) -> None:
        order = held.order
        match order:
            case Analyse():
                await self._analyse(held, order)
            case ReleaseAnalysis():
                self._backgrounds.pop(held.key, None)
                fact = AnalysisReleased(rollout=order.rollout, order_revision=order.revision, at_s=self._clock.now_s())
                await self._publisher.report(held.key, fact, cause=held.message.id)
                await self._keep_jobs(held.key, order.workload, frozenset())
            case _:
                assert_never(order)

    async def _analyse(self, held: HeldOrder[AnalysisOrder], order: Analyse) -> None:
        subject = Subject(
            namespace=held.key.namespace,
            workload=held.key.name,
            stable_revision=order.stable_revision,
            revision=order.canary_revision,
        )
        left = await self._left(held, order)
        standing = StandingAnalysis(order, subject, self._measurer, self._clock, left)
        if standing.background is not None:
            self._take_up(held.key, order.rollout, standing.background, left)

        async def report(fact: AnalysisConcluded) -> None:
            await self._report(held, fact)

        async def observe(telemetry: MetricsMeasured) -> None:
            await self._publisher.observe(held.key, order.rollout, telemetry)

        async def keep(measured: Kept) -> None:
            held.ensure()
            await self._shelf.put(held.key, kept.encode(measured))

        tidying = asyncio.create_task(
            self._keep_jobs(held.key, order.workload, standing.identities), name="Jobs of earlier analyses"
        )
        try:
            await standing.stand(report, observe, keep)
            await tidying
        finally:
            await ended(tidying)
            if standing.background is not None:
                self._put_by(held.key, order.rollout, standing.background)

    async def _left(self, held: HeldOrder[AnalysisOrder], order: Analyse) -> Kept | None:
        """What an earlier holder left; an order that nobody held yet has only a background to go on with."""
        if held.message.deliveries == 1 and order.background_analysis is None:
            return None
        ahead_s = self._clock.now_s() - self._clock.monotonic_s()
        payload = await self._shelf.get(held.key)
        found = kept.decode(payload, ahead_s)
        if payload is not None and found is None:
            _log.warning("what was kept of an analysis can't be read: it begins afresh", rollout=order.rollout)
        return found

    async def _keep_jobs(self, key: WorkloadKey, workload: WorkloadReference, analyses: Collection[str]) -> None:
        await self._measurer.jobs.keep_only(key.namespace, workload, analyses)

    async def _report(self, held: HeldOrder[AnalysisOrder], fact: AnalysisConcluded) -> None:
        """Until it is stored: measuring again for want of a bus would delay the way back."""
        while True:
            held.ensure()
            try:
                await self._publisher.report(held.key, fact, cause=held.message.id)
            except (Transient, UnknownOutcome) as error:
                _log.warning("a verdict could not be reported yet", verdict=fact.verdict, reason=error.reason)
                await self._clock.sleep(REPORT_RETRY_S)
                continue
            metrics.verdicts.labels(fact.scope, fact.verdict).inc()
            _log.info("verdict", scope=fact.scope, step=fact.step, verdict=fact.verdict, reason=fact.reason)
            return

    def _take_up(self, key: WorkloadKey, rollout: str, run: Run, left: Kept | None) -> None:
        earlier = self._backgrounds.pop(key, None)
        if earlier is None or earlier.rollout != rollout or (left is not None and left.at_s > earlier.left_at_s):
            return
        recent = self._clock.now_s() - earlier.left_at_s <= BACKGROUND_GAP_S_MAX
        if recent and run.same_as(earlier.run) and not earlier.run.is_bad():
            run.carry_over(earlier.run)

    def _put_by(self, key: WorkloadKey, rollout: str, run: Run) -> None:
        self._backgrounds[key] = _Background(rollout, run, self._clock.now_s())
        while len(self._backgrounds) > BACKGROUNDS_KEPT:
            self._backgrounds.popitem(last=False)

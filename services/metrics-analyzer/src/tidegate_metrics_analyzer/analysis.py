"""One order's analyses carried out: the step's to its verdict, the background's for as long as the order stands.

Made by `holder` for each order; measures through `run`, reports through the chassis' publisher. When the process
dies, another copy starts afresh from the order: nothing that was measured is needed, for evidence is cheap.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_contracts.facts import AnalysisConcluded, Measurement
from tidegate_contracts.limits import CHECKS_MAX
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_metrics_analyzer import built_in, judge, pod_health
from tidegate_metrics_analyzer.conclusion import Scope, conclude
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.run import Run
from tidegate_metrics_analyzer.scoring import Counted
from tidegate_metrics_analyzer.tasks import ended
from tidegate_metrics_analyzer.template_run import TemplateRun

TELEMETRY_INTERVAL_S: Final = 1.0
"""Measurements go to eyes and dashboards at most this often."""

MEASUREMENTS_PER_MESSAGE_MAX: Final = CHECKS_MAX + 2
"""One analysis' checks and the two of pod health: so many fit into a message with all their evidence."""

BACKGROUND_REPORTS_MAX: Final = 20
"""A provider that comes and goes must not fill the workload's history."""

Report = Callable[[AnalysisConcluded], Awaitable[None]]
Observe = Callable[[MetricsMeasured], Awaitable[None]]


class StandingAnalysis:
    """The runs of one order; `background` outlives it when the next order of the rollout wants the same."""

    def __init__(self, order: Analyse, subject: Subject, measurer: Measurer, clock: Clock) -> None:
        self._order = order
        self._measurer = measurer
        self._clock = clock
        self.started_at_s = clock.now_s()
        since_s = order.since_s or self.started_at_s
        self.step = _run(order.step_analysis, order, subject, since_s, must_end=True)
        # Before the new revision exists there is nothing to watch: the order that names it starts the watch.
        watched = order.background_analysis if order.canary_revision else None
        self.background = _run(watched, order, subject, since_s, must_end=False)
        self._shown: tuple[Measurement, ...] = ()

    async def stand(self, report: Report, observe: Observe) -> None:
        """Until cancelled, or until nothing is left to measure."""
        parts = []
        if self.step is not None:
            parts.append(asyncio.create_task(self._judge_step(self.step, report), name="step analysis"))
        if self.background is not None:
            parts.append(asyncio.create_task(self._watch(self.background, report), name="background analysis"))
        show = asyncio.create_task(self._show(observe), name="telemetry")
        try:
            await asyncio.gather(*parts)
            await self._show_news(observe)
        finally:
            await ended(show, *parts)

    async def _judge_step(self, run: Run, report: Report) -> None:
        async with run.measuring(self._measurer, self._clock):
            try:
                async with asyncio.timeout(self._order.deadline_s):
                    fact = self._fact("step", await _step_verdict(run), run)
            except TimeoutError:
                fact = self._fact("step", "inconclusive", run, overdue=True)
        await report(fact)

    async def _watch(self, run: Run, report: Report) -> None:
        """Reports each turn to the bad once; the orchestrator decides what becomes of the rollout."""
        reported: judge.Verdict | None = None
        reports = 0
        async with run.measuring(self._measurer, self._clock):
            while reports < BACKGROUND_REPORTS_MAX:
                verdict = judge.verdict_in_background(run.verdicts())
                if verdict is not None and verdict != reported:
                    await report(self._fact("background", verdict, run))
                    reports += 1
                reported = verdict
                await run.change()

    async def _show(self, observe: Observe) -> None:
        while True:
            await self._clock.sleep(TELEMETRY_INTERVAL_S)
            await self._show_news(observe)

    async def _show_news(self, observe: Observe) -> None:
        """Also at the end: an analysis may be over before its first interval is."""
        runs = [run for run in (self.step, self.background) if run is not None]
        measurements = tuple(found for run in runs for found in run.evidence() if found.measured)
        if measurements != self._shown:
            self._shown = measurements
            for first in range(0, len(measurements), MEASUREMENTS_PER_MESSAGE_MAX):
                await observe(self._measured(measurements[first : first + MEASUREMENTS_PER_MESSAGE_MAX]))

    def _measured(self, measurements: tuple[Measurement, ...]) -> MetricsMeasured:
        return MetricsMeasured(
            rollout=self._order.rollout, at_s=self._clock.now_s(), step=self._order.step, measurements=measurements
        )

    def _fact(self, scope: Scope, verdict: judge.Verdict, run: Run, *, overdue: bool = False) -> AnalysisConcluded:
        return conclude(
            self._order,
            scope,
            verdict,
            run.evidence(),
            scored=run.scored(),
            started_at_s=self.started_at_s,
            at_s=self._clock.now_s(),
            overdue=overdue,
        )


def checks_of(analysis: Analysis) -> tuple[Check, ...]:
    health = pod_health.checks(analysis.pod_health) if analysis.pod_health is not None else ()
    return (*checks_alone(analysis), *health)


def checks_alone(analysis: Analysis) -> tuple[Check, ...]:
    return tuple(map(built_in.written_out, analysis.checks))


def _run(analysis: Analysis | None, order: Analyse, subject: Subject, since_s: float, *, must_end: bool) -> Run | None:
    if analysis is None:
        return None
    templates = None
    if analysis.templates:
        templates = TemplateRun(analysis, subject, order.workload, since_s, must_end=must_end)
    counted = Counted(analysis.score, checks_alone(analysis)) if analysis.score is not None else None
    return Run(checks_of(analysis), subject, since_s, templates, counted)


async def _step_verdict(run: Run) -> judge.Verdict:
    """A check that can't be measured at all makes the step inconclusive at once: no waiting mends it."""
    while True:
        verdict = "inconclusive" if run.is_impossible() else judge.verdict_of_step(run.verdicts())
        if verdict is not None:
            return verdict
        await run.change()

"""One order's analyses carried out: the step's to its verdict, the background's for as long as the order stands.

Made by `holder` for each order; measures through `run`, reports through the chassis' publisher. What was measured is
left on the bus after each measurement, so that when the process dies another copy goes on with it: a failure that was
seen counts, a sample counts once, and the deadline goes on. Where nothing was left, it begins afresh from the order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_contracts.facts import AnalysisConcluded, Measurement
from tidegate_contracts.limits import CHECKS_MAX
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_metrics_analyzer import built_in, judge, pod_health
from tidegate_metrics_analyzer.conclusion import Scope, conclude
from tidegate_metrics_analyzer.kept import Kept
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.outside_run import OutsideRun
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

KEEP_AFTER_S: Final = 0.2
"""What was measured within this time before a kill is measured again by the successor."""

BACKGROUND_GAP_S_MAX: Final = 30.0
"""Measurements with a longer gap behind them don't go on under another order: that would be another watch."""

Report = Callable[[AnalysisConcluded], Awaitable[None]]
Observe = Callable[[MetricsMeasured], Awaitable[None]]
Keep = Callable[[Kept], Awaitable[None]]


class StandingAnalysis:
    """The runs of one order; `background` outlives it when the next order of the rollout wants the same."""

    def __init__(
        self, order: Analyse, subject: Subject, measurer: Measurer, clock: Clock, kept: Kept | None = None
    ) -> None:
        self._order = order
        self._measurer = measurer
        self._clock = clock
        self.started_at_s = clock.now_s()
        since_s = order.since_s or self.started_at_s
        self._step_scope: Scope = "bake" if order.watch_until_s else "step"
        self.step = _run(order.step_analysis, order, subject, since_s, self._step_scope)
        # Before the new revision exists there is nothing to watch: the order that names it starts the watch.
        watched = order.background_analysis if order.canary_revision else None
        self.background = _run(watched, order, subject, since_s, "background")
        self._runs = [run for run in (self.step, self.background) if run is not None]
        self._unkept, self._unseen = asyncio.Event(), asyncio.Event()
        """There is something that a successor should know; that eyes and dashboards don't know."""
        for run in self._runs:
            run.on_news = self._hear
        self._shown: tuple[Measurement, ...] = ()
        self._reported: judge.Verdict | None = None
        """The background's verdict that the orchestrator knows of."""
        if kept is not None and kept.rollout == order.rollout:
            self._take_over(kept)

    def _take_over(self, kept: Kept) -> None:
        is_same_order = kept.order_revision == self._order.revision
        if is_same_order:
            self.started_at_s = kept.started_at_s
            self._reported = kept.reported
            if self.step is not None and kept.step is not None:
                self.step.take_over(kept.step)
        # Another order's background goes on while it is good and its measurements are recent.
        goes_on = kept.reported is None and self._clock.now_s() - kept.at_s <= BACKGROUND_GAP_S_MAX
        if self.background is not None and kept.background is not None and (is_same_order or goes_on):
            self.background.take_over(kept.background)

    def kept(self) -> Kept:
        """What a copy needs that takes the order over."""
        return Kept(
            rollout=self._order.rollout,
            order_revision=self._order.revision,
            at_s=self._clock.now_s(),
            wall_ahead_s=self._clock.now_s() - self._clock.monotonic_s(),
            started_at_s=self.started_at_s,
            step=self.step.kept() if self.step is not None else None,
            background=self.background.kept() if self.background is not None else None,
            reported=self._reported,
        )

    @property
    def identities(self) -> frozenset[str]:
        """Of its analyses by templates: under which Jobs run for it."""
        return frozenset(run.templates.identity for run in self._runs if run.templates is not None)

    def _hear(self) -> None:
        self._unkept.set()
        self._unseen.set()

    async def stand(self, report: Report, observe: Observe, keep: Keep | None = None) -> None:
        """Until cancelled, or until nothing is left to measure; without `keep` no copy can go on with it."""
        parts = []
        if self.step is not None:
            parts.append(asyncio.create_task(self._judge_step(self.step, report), name="step analysis"))
        if self.background is not None:
            parts.append(asyncio.create_task(self._watch(self.background, report), name="background analysis"))
        show = partial(self._show_news, observe)
        beside = [asyncio.create_task(self._after(self._unseen, TELEMETRY_INTERVAL_S, show), name="telemetry")]
        if keep is not None:
            leave = partial(self._leave, keep)
            beside.append(asyncio.create_task(self._after(self._unkept, KEEP_AFTER_S, leave), name="for a successor"))
        try:
            await asyncio.gather(*parts)
            await self._show_news(observe)
        finally:
            await ended(*beside, *parts)

    async def _judge_step(self, run: Run, report: Report) -> None:
        scope = self._step_scope
        concluded = _bake_verdict if scope == "bake" else _step_verdict
        async with run.measuring(self._measurer, self._clock):
            try:
                async with asyncio.timeout(self.started_at_s + self._order.deadline_s - self._clock.now_s()):
                    fact = self._fact(scope, await concluded(run), run)
            except TimeoutError:
                fact = self._overdue(scope, run)
        await report(fact)

    def _overdue(self, scope: Scope, run: Run) -> AnalysisConcluded:
        """A check that decides nothing keeps nothing from its verdict; templates say themselves what they wait for."""
        run.end()
        verdict = judge.verdict_of_step(run.verdicts())
        return self._fact(scope, verdict or "inconclusive", run, overdue=verdict is None)

    async def _watch(self, run: Run, report: Report) -> None:
        """Reports each turn to the bad once; the orchestrator decides what becomes of the rollout."""
        reports = 0
        async with run.measuring(self._measurer, self._clock):
            while reports < BACKGROUND_REPORTS_MAX:
                verdict = judge.verdict_in_background(run.verdicts())
                if verdict is not None and verdict != self._reported:
                    await report(self._fact("background", verdict, run))
                    reports += 1
                if verdict != self._reported:
                    self._reported = verdict
                    self._unkept.set()
                await run.change()

    async def _after(self, news: asyncio.Event, gap_s: float, act: Callable[[], Awaitable[None]]) -> None:
        """What comes within the gap is acted on together, such as checks that are measured at the same moment."""
        while True:
            await news.wait()
            await self._clock.sleep(gap_s)
            news.clear()
            await act()

    async def _leave(self, keep: Keep) -> None:
        await keep(self.kept())

    async def _show_news(self, observe: Observe) -> None:
        """Also at the end: an analysis may be over before its first interval is."""
        measurements = tuple(found for run in self._runs for found in run.evidence() if found.measured)
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


def _run(analysis: Analysis | None, order: Analyse, subject: Subject, since_s: float, scope: Scope) -> Run | None:
    if analysis is None:
        return None
    until_s = order.watch_until_s if scope == "bake" else 0.0
    templates: TemplateRun | None = None
    outside: OutsideRun | None = None
    if analysis.templates:
        identity, must_end = f"{order.rollout}/{order.revision}/{scope}", scope == "step"
        templates = TemplateRun(analysis, subject, order.workload, since_s, must_end=must_end, identity=identity)
    if analysis.verdicts or analysis.alerts:
        step = None if scope == "background" else order.step
        outside = OutsideRun(analysis, subject, order.rollout, since_s, step=step)
    counted = Counted(analysis.score, checks_alone(analysis)) if analysis.score is not None else None
    return Run(checks_of(analysis), subject, since_s, templates, outside, counted=counted, until_s=until_s)


async def _step_verdict(run: Run) -> judge.Verdict:
    """A check that can't be measured at all makes the step inconclusive at once: no waiting mends it."""
    while True:
        verdict = "inconclusive" if run.is_impossible() else judge.verdict_of_step(run.verdicts())
        if verdict is not None:
            return verdict
        await run.change()


async def _bake_verdict(run: Run) -> judge.Verdict:
    """What is bad is said at once; what is good, only when the time is over."""
    while True:
        verdicts = run.verdicts()
        bad = "inconclusive" if run.is_impossible() else judge.verdict_in_background(verdicts)
        verdict = bad or (judge.verdict_of_step(verdicts) if run.is_over else None)
        if verdict is not None:
            return verdict
        await run.change()

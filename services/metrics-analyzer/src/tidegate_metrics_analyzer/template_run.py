"""An analysis by templates going on: read once, then each metric measured on its own schedule until all is decided.

A part of `run`, beside its checks; `template_past` takes it through a time that is over instead. What it has come to is
`template_progress`.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import OperatingError, Transient
from tidegate_contracts.facts import Measurement
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer import template_evidence, template_reader
from tidegate_metrics_analyzer.argo import quirks
from tidegate_metrics_analyzer.argo.assembling import Assembled
from tidegate_metrics_analyzer.job_source import Turn
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.kept import KeptMetric, KeptTemplates
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.tasks import ended
from tidegate_metrics_analyzer.template_measure import fault_of, measured
from tidegate_metrics_analyzer.template_progress import TemplateProgress

READ_RETRY_S: Final = 2.0
READ_TIMEOUT_S: Final = 30.0
"""The API server may be restarting; for longer than that nobody should wait without being told."""


class TemplateRun:
    """The state of one analysis by templates."""

    def __init__(
        self,
        analysis: Analysis,
        subject: Subject,
        workload: WorkloadReference | None,
        since_s: float,
        *,
        must_end: bool,
        identity: str = "",
    ) -> None:
        self.analysis = analysis
        self.identity = identity
        """The same in every copy that has the order, and in no other analysis."""
        self.fault: str | None = None
        """What makes the templates impossible to measure."""
        self.began_s = since_s
        """In epoch seconds."""
        self.progress: TemplateProgress | None = None
        """None before the templates are read, and where they can't be measured."""
        self._subject = subject
        self._workload = workload
        self._must_end = must_end
        self._earlier: dict[str, KeptMetric] = {}
        """What another copy had measured."""
        self._over = asyncio.Event()

    def same_as(self, other: object) -> bool:
        if not isinstance(other, TemplateRun):
            return False
        return (self.analysis, self._subject) == (other.analysis, other._subject)  # noqa: SLF001 - of the same class

    def kept(self) -> KeptTemplates:
        """What a successor needs; while nothing is read here, what was left by another copy."""
        metrics = self._earlier if self.progress is None else self.progress.kept()
        return KeptTemplates(identity=self.identity, metrics=metrics)

    def take_over(self, kept: KeptTemplates, since_s: float) -> None:
        """Before it measures: what was measured, and when that began."""
        assert self.progress is None, "nothing was measured here"
        self.identity, self._earlier, self.began_s = kept.identity, kept.metrics, since_s

    async def measure(self, measurer: Measurer, clock: Clock, changed: Callable[[], None]) -> None:
        """Until all is decided, or until it is known that nothing can be; goes on where it was left.

        Args:
            measurer: Where the templates are read, and who asks the metric providers.
            clock: When to measure.
            changed: Called whenever there may be another verdict.
        """
        if self.progress is None:
            await self.read(measurer, clock, clock.monotonic_s() - max(0.0, clock.now_s() - self.began_s))
            changed()
        if self.progress is not None:
            await self._measure_all(self.progress, measurer, clock, changed)

    async def read(self, measurer: Measurer, clock: Clock, since_s: float) -> None:
        """As `measure` begins; `since_s` is the run's beginning by the clock that measurements are taken by."""
        found = await self._found(measurer, clock)
        if isinstance(found, str):
            self.fault = found
            return
        for metric in found.metrics:
            if (fault := fault_of(metric, measurer, clock, self._subject.namespace)) is not None:
                self.fault = f"the metric {metric.name} can't be measured: {fault}"
                return
        self.progress = TemplateProgress(found, since_s, quirks.reading(self.analysis.quirks), self._earlier)
        self._end_if_decided(self.progress)

    async def _found(self, measurer: Measurer, clock: Clock) -> Assembled | str:
        """What the templates say, or what is wrong with them."""
        began_s = clock.monotonic_s()
        while True:
            try:
                found = await template_reader.read(
                    self.analysis, self._subject, self._workload, measurer.templates, must_end=self._must_end
                )
            except OperatingError as error:
                if not isinstance(error, Transient) or clock.monotonic_s() - began_s > READ_TIMEOUT_S:
                    return f"the templates can't be read: {error.reason}"
                await clock.sleep(READ_RETRY_S)
                continue
            return found if isinstance(found, Assembled) else found.reason

    async def _measure_all(
        self, progress: TemplateProgress, measurer: Measurer, clock: Clock, changed: Callable[[], None]
    ) -> None:
        over = asyncio.create_task(self._over.wait(), name="the templates' verdict")
        waiting: set[asyncio.Task[object]] = {over}
        for name in progress.names:
            measuring = self._measure_one(progress, name, measurer, clock, changed)
            waiting.add(asyncio.create_task(measuring, name=f"metric {name}"))
        tasks = tuple(waiting)
        try:
            while over in waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            await ended(*tasks)

    async def _measure_one(
        self, progress: TemplateProgress, name: str, measurer: Measurer, clock: Clock, changed: Callable[[], None]
    ) -> None:
        while (wait_s := progress.wait_s(name, clock.monotonic_s())) is not None:
            if wait_s > 0:
                await clock.sleep(wait_s)
                continue
            await self.measure_once(progress, name, measurer, clock)
            changed()

    async def measure_once(self, progress: TemplateProgress, name: str, measurer: Measurer, clock: Clock) -> None:
        """One metric, now."""
        turn = self._turn(progress, name)
        text, taken = await measured(
            progress[name].metric, turn, self._subject, measurer, clock, reading=progress.reading
        )
        progress.absorb(name, text, taken)
        self._end_if_decided(progress)

    def _turn(self, progress: TemplateProgress, name: str) -> Turn:
        one = progress[name]
        last = one.counts.last
        return Turn(
            analysis=self.identity,
            namespace=self._subject.namespace,
            workload=self._workload,
            metric=name,
            number=one.counts.measured + 1,
            kept=one.metric.samples_kept,
            after_s=self.began_s if last is None else last.at_s,
        )

    def end(self) -> None:
        """A bake's time is over."""
        if self.progress is not None:
            self.progress.end()
            self._end_if_decided(self.progress)

    def _end_if_decided(self, progress: TemplateProgress) -> None:
        if progress.is_decided:
            self._over.set()

    def verdict(self) -> Verdict | None:
        """None while it can't be said yet."""
        if self.fault is not None:
            return "inconclusive"
        return self.progress.verdict() if self.progress is not None else None

    def verdicts(self) -> tuple[Verdict | None, ...]:
        """The templates together have one."""
        return (self.verdict(),)

    def evidence(self) -> tuple[Measurement, ...]:
        if self.fault is not None:
            return (template_evidence.unmeasured(self.fault),)
        if self.progress is None:
            return (template_evidence.unmeasured("the templates are not read yet"),)
        return self.progress.evidence()

"""An analysis by templates going on: read once, then each metric measured on its own schedule until all is decided.

A part of `run`, beside its checks. A metric that turns out bad ends the measuring of all others at once, as with Argo.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

import msgspec

from tidegate_chassis.clock import Clock, SystemClock
from tidegate_chassis.errors import OperatingError, Transient
from tidegate_contracts.facts import Measurement
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import Phase
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer import template_evidence, template_reader
from tidegate_metrics_analyzer.argo import quirks, schedule, verdict
from tidegate_metrics_analyzer.argo.assembling import Assembled
from tidegate_metrics_analyzer.argo.counting import Taken, absorb
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.job_source import Turn
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.kept import KeptMetric, KeptTemplates, digest
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.past import PastClock
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.tasks import ended
from tidegate_metrics_analyzer.template_evidence import Measured
from tidegate_metrics_analyzer.template_measure import Outcome, fault_of, measured, past_fault_of

PAST_MEASUREMENTS_MAX: Final = 2000
"""Of a time that is over: so many are asked for as fast as they are answered."""

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
        self._subject = subject
        self._workload = workload
        self._began_s = since_s
        self._since_s = 0.0
        """The same moment by the clock that measurements are taken by."""
        self._must_end = must_end
        self._reading = quirks.reading(analysis.quirks)
        self._measured: dict[str, Measured] | None = None
        self._made: dict[str, tuple[Measured, Measurement]] = {}
        self._earlier: dict[str, KeptMetric] = {}
        """What another copy had measured."""
        self._over = asyncio.Event()

    def same_as(self, other: object) -> bool:
        if not isinstance(other, TemplateRun):
            return False
        return (self.analysis, self._subject) == (other.analysis, other._subject)  # noqa: SLF001 - of the same class

    def kept(self) -> KeptTemplates:
        """What a successor needs; while nothing is read here, what was left by another copy."""
        if self._measured is None:
            return KeptTemplates(identity=self.identity, metrics=self._earlier)
        metrics = {
            name: KeptMetric(definition=digest(one.metric), query=one.query, counts=one.counts)
            for name, one in self._measured.items()
        }
        return KeptTemplates(identity=self.identity, metrics=metrics)

    def take_over(self, kept: KeptTemplates, since_s: float) -> None:
        """Before it measures: what was measured, and when that began."""
        assert self._measured is None, "nothing was measured here"
        self.identity, self._earlier, self._began_s = kept.identity, kept.metrics, since_s

    async def measure(self, measurer: Measurer, clock: Clock, changed: Callable[[], None]) -> None:
        """Until all is decided, or until it is known that nothing can be; goes on where it was left.

        Args:
            measurer: Where the templates are read, and who asks the metric providers.
            clock: When to measure.
            changed: Called whenever there may be another verdict.
        """
        if self._measured is None:
            self._since_s = clock.monotonic_s() - max(0.0, clock.now_s() - self._began_s)
            await self._read(measurer, clock)
            changed()
        if self._measured is not None:
            await self._measure_all(measurer, clock, changed)

    async def measure_past(
        self, measurer: Measurer, clock: PastClock, until_s: float, changed: Callable[[], None]
    ) -> bool:
        """As `measure`, of a time that is over: one measurement after the other, each as of its own moment.

        Args:
            measurer: As for `measure`; it tells the time by `clock`, too.
            clock: Is moved from one measurement to the next, from the run's beginning on.
            until_s: No measurement is later, in epoch seconds.
            changed: As for `measure`.

        Returns:
            Whether all of that time was looked at, or as much of it as was needed to decide.
        """
        self._since_s = self._began_s
        await self._read(measurer, SystemClock())
        if self.fault is None:
            self.fault = self._past_fault(measurer, clock)
        if self.fault is not None:
            return True
        for _ in range(PAST_MEASUREMENTS_MAX):
            next_at_s, name = self._next()
            if next_at_s > until_s:
                self.end()
                return True
            clock.move_to(next_at_s)
            self._absorb(name, *await self._ask(name, measurer, clock))
            changed()
        return False

    def _past_fault(self, measurer: Measurer, clock: Clock) -> str | None:
        for name, one in (self._measured or {}).items():
            if (fault := past_fault_of(one.metric, measurer, clock)) is not None:
                return f"the metric {name} can't be measured: {fault}"
        return None

    def _next(self) -> tuple[float, str]:
        """When which metric is measured next; at infinity where none is."""
        waits = ((self._wait_s(name, 0.0), name) for name in self._measured or {})
        return min(((at_s, name) for at_s, name in waits if at_s is not None), default=(math.inf, ""))

    async def _read(self, measurer: Measurer, clock: Clock) -> None:
        began_s = clock.monotonic_s()
        while True:
            try:
                found = await template_reader.read(
                    self.analysis, self._subject, self._workload, measurer.templates, must_end=self._must_end
                )
            except OperatingError as error:
                if not isinstance(error, Transient) or clock.monotonic_s() - began_s > READ_TIMEOUT_S:
                    self.fault = f"the templates can't be read: {error.reason}"
                    return
                await clock.sleep(READ_RETRY_S)
                continue
            if isinstance(found, Assembled):
                self._take(found, measurer, clock)
            else:
                self.fault = found.reason
            return

    def _take(self, found: Assembled, measurer: Measurer, clock: Clock) -> None:
        for metric in found.metrics:
            if (fault := fault_of(metric, measurer, clock, self._subject.namespace)) is not None:
                self.fault = f"the metric {metric.name} can't be measured: {fault}"
                return
        self._measured = {metric.name: self._begun(metric) for metric in found.metrics}
        self._end_if_decided()

    def _begun(self, metric: PlannedMetric) -> Measured:
        earlier = self._earlier.get(metric.name)
        if earlier is None or earlier.definition != digest(metric):
            return Measured(metric=metric)
        status = verdict.metric_status(metric.limits, earlier.counts)
        return Measured(metric=metric, query=earlier.query, counts=earlier.counts, status=status)

    async def _measure_all(self, measurer: Measurer, clock: Clock, changed: Callable[[], None]) -> None:
        assert self._measured is not None, "what is measured was read"
        over = asyncio.create_task(self._over.wait(), name="the templates' verdict")
        waiting: set[asyncio.Task[object]] = {over}
        for name in self._measured:
            waiting.add(asyncio.create_task(self._measure_one(name, measurer, clock, changed), name=f"metric {name}"))
        tasks = tuple(waiting)
        try:
            while over in waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            await ended(*tasks)

    async def _measure_one(self, name: str, measurer: Measurer, clock: Clock, changed: Callable[[], None]) -> None:
        while (wait_s := self._wait_s(name, clock.monotonic_s())) is not None:
            if wait_s > 0:
                await clock.sleep(wait_s)
                continue
            self._absorb(name, *await self._ask(name, measurer, clock))
            changed()

    async def _ask(self, name: str, measurer: Measurer, clock: Clock) -> Outcome:
        return await measured(self._of(name).metric, self._turn(name), self._subject, measurer, clock)

    def _wait_s(self, name: str, now_s: float) -> float | None:
        one = self._of(name)
        if one.status.phase in verdict.FINAL:
            return None
        next_at_s = schedule.next_at_s(one.metric, one.counts, self._since_s, self._reading)
        return None if next_at_s is None else next_at_s - now_s

    def _turn(self, name: str) -> Turn:
        one = self._of(name)
        last = one.counts.last
        return Turn(
            analysis=self.identity,
            namespace=self._subject.namespace,
            workload=self._workload,
            metric=name,
            number=one.counts.measured + 1,
            kept=one.metric.samples_kept,
            after_s=self._began_s if last is None else last.at_s,
        )

    def _of(self, name: str) -> Measured:
        assert self._measured is not None, "what is measured was read"
        return self._measured[name]

    def _absorb(self, name: str, text: str, taken: Taken) -> None:
        assert self._measured is not None, "what is measured was read"
        before = self._measured[name]
        counts = absorb(before.counts, taken, before.metric.samples_kept)
        status = verdict.metric_status(before.metric.limits, counts)
        self._measured[name] = Measured(metric=before.metric, query=text, counts=counts, status=status)
        self._end_if_decided()

    def _end_if_decided(self) -> None:
        """With the run all its metrics end; what others were about to say is not waited for."""
        if self._measured is not None and self._phase() in verdict.FINAL:
            self._terminate(self._measured, lambda _: True)
            self._over.set()

    def _phase(self) -> Phase:
        measured = self._measured or {}
        return verdict.run_phase([(one.status, one.metric.dry_run) for one in measured.values()])

    def end(self) -> None:
        """A bake's time is over: what would go on for ever has passed, if its last measurement was good."""
        if self._measured is not None:
            self._terminate(self._measured, _may_end)
            self._end_if_decided()

    def _terminate(self, measured: dict[str, Measured], which: Callable[[Measured], bool]) -> None:
        for name, one in measured.items():
            if one.status.phase not in verdict.FINAL and which(one):
                status = verdict.metric_status(one.metric.limits, one.counts, terminating=True)
                measured[name] = msgspec.structs.replace(one, status=status)

    def verdict(self) -> Verdict | None:
        """None while it can't be said yet."""
        return "inconclusive" if self.fault else template_evidence.verdict_of(self._phase(), self._reading)

    def verdicts(self) -> tuple[Verdict | None, ...]:
        """The templates together have one."""
        return (self.verdict(),)

    def evidence(self) -> tuple[Measurement, ...]:
        if self.fault is not None:
            return (template_evidence.unmeasured(self.fault),)
        if self._measured is None:
            return (template_evidence.unmeasured("the templates are not read yet"),)
        return tuple(self._evidence(name, one) for name, one in self._measured.items())

    def _evidence(self, name: str, one: Measured) -> Measurement:
        """Made once for each measurement: it is asked for every second, of thousands of metrics."""
        made = self._made.get(name)
        if made is None or made[0] is not one:
            made = self._made[name] = one, template_evidence.evidence(one, self._reading)
        return made[1]


def _may_end(one: Measured) -> bool:
    """A metric with a number of measurements to come is waited for, unless it decides nothing."""
    limits, last = one.metric.limits, one.counts.last
    endless = limits.count is None and not limits.successes_end_it
    return one.metric.dry_run or (endless and last is not None and last.phase == "Successful")

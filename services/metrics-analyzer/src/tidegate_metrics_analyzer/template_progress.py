"""The metrics of an analysis by templates, as far as they have come: what is measured next, and what it all says. Pure.

Kept by `template_run`, once the templates are read. A metric that turns out bad ends all others at once, as with Argo.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from tidegate_contracts.facts import Measurement
from tidegate_contracts.templates import Phase
from tidegate_metrics_analyzer import template_evidence
from tidegate_metrics_analyzer.argo import schedule, verdict
from tidegate_metrics_analyzer.argo.assembling import Assembled
from tidegate_metrics_analyzer.argo.counting import Taken, absorb
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.argo.quirks import Reading
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.kept import KeptMetric, digest
from tidegate_metrics_analyzer.template_evidence import Measured


class Next(NamedTuple):
    """Of all metrics the one that is measured next; at infinity where none is."""

    at_s: float
    name: str


class TemplateProgress:
    """Args:
    found: What the templates say.
    since_s: When the analysis began, by the clock that measurements are taken by.
    reading: How the templates are read.
    earlier: What another copy had measured.
    """

    def __init__(self, found: Assembled, since_s: float, reading: Reading, earlier: Mapping[str, KeptMetric]) -> None:
        self._since_s = since_s
        self.reading = reading
        self._measured = {metric.name: _begun(metric, earlier.get(metric.name)) for metric in found.metrics}
        self._made: dict[str, tuple[Measured, Measurement]] = {}
        self._end_if_decided()

    def __getitem__(self, name: str) -> Measured:
        return self._measured[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._measured)

    def kept(self) -> dict[str, KeptMetric]:
        """What a successor needs."""
        return {
            name: KeptMetric(definition=digest(one.metric), query=one.query, counts=one.counts)
            for name, one in self._measured.items()
        }

    def wait_s(self, name: str, now_s: float) -> float | None:
        """Until the metric is measured next; None where it is no more."""
        one = self._measured[name]
        if one.status.phase in verdict.FINAL:
            return None
        next_at_s = schedule.next_at_s(one.metric, one.counts, self._since_s, self.reading)
        return None if next_at_s is None else next_at_s - now_s

    def next(self) -> Next:
        waits = (Next(at_s, name) for name in self._measured if (at_s := self.wait_s(name, 0.0)) is not None)
        return min(waits, default=Next(math.inf, ""))

    def absorb(self, name: str, text: str, taken: Taken) -> None:
        before = self._measured[name]
        counts = absorb(before.counts, taken, before.metric.samples_kept)
        status = verdict.metric_status(before.metric.limits, counts)
        self._measured[name] = Measured(metric=before.metric, query=text, counts=counts, status=status)
        self._end_if_decided()

    def end(self) -> None:
        """A bake's time is over: what would go on for ever has passed, if its last measurement was good."""
        self._terminate(_may_end)
        self._end_if_decided()

    @property
    def is_decided(self) -> bool:
        return self._phase() in verdict.FINAL

    def verdict(self) -> Verdict | None:
        """None while it can't be said yet."""
        return template_evidence.verdict_of(self._phase(), self.reading)

    def evidence(self) -> tuple[Measurement, ...]:
        return tuple(self._evidence(name, one) for name, one in self._measured.items())

    def _evidence(self, name: str, one: Measured) -> Measurement:
        """Made once for each measurement: it is asked for every second, of thousands of metrics."""
        made = self._made.get(name)
        if made is None or made[0] is not one:
            made = self._made[name] = one, template_evidence.evidence(one, self.reading)
        return made[1]

    def _phase(self) -> Phase:
        return verdict.run_phase([(one.status, one.metric.dry_run) for one in self._measured.values()])

    def _end_if_decided(self) -> None:
        """With the run all its metrics end; what others were about to say is not waited for."""
        if self.is_decided:
            self._terminate(lambda _: True)

    def _terminate(self, which: Callable[[Measured], bool]) -> None:
        for name, one in self._measured.items():
            if one.status.phase not in verdict.FINAL and which(one):
                status = verdict.metric_status(one.metric.limits, one.counts, terminating=True)
                self._measured[name] = msgspec.structs.replace(one, status=status)


def _begun(metric: PlannedMetric, earlier: KeptMetric | None) -> Measured:
    """Counts mean nothing for another metric of the same name."""
    if earlier is None or earlier.definition != digest(metric):
        return Measured(metric=metric)
    status = verdict.metric_status(metric.limits, earlier.counts)
    return Measured(metric=metric, query=earlier.query, counts=earlier.counts, status=status)


def _may_end(one: Measured) -> bool:
    """A metric with a number of measurements to come is waited for, unless it decides nothing."""
    limits, last = one.metric.limits, one.counts.last
    endless = limits.count is None and not limits.successes_end_it
    return one.metric.dry_run or (endless and last is not None and last.phase == "Successful")

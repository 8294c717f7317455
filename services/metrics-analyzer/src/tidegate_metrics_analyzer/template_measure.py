"""One measurement of one metric of a template: asked, judged by its conditions, and made a sample. Never raises.

Called by `template_run` on each metric's schedule. Whatever a provider does wrong is an error in Argo's sense. A Job
has no value: it says itself how the measurement came out.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from tidegate_chassis.clock import Clock
from tidegate_metrics_analyzer import metrics, template_evidence
from tidegate_metrics_analyzer.argo import conditions
from tidegate_metrics_analyzer.argo.counting import Taken
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.argo.phase import Found, phase_of
from tidegate_metrics_analyzer.argo.query import asking, result_of
from tidegate_metrics_analyzer.argo.quirks import Reading
from tidegate_metrics_analyzer.job_source import Turn
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject, Unusable, Value

JOB: Final = "job"


class Asked(NamedTuple):
    query: str
    value: Value | None
    found: Found


class Outcome(NamedTuple):
    query: str
    taken: Taken


def fault_of(metric: PlannedMetric, measurer: Measurer, clock: Clock, namespace: str) -> str | None:
    """What makes the metric impossible to measure, however long it is tried."""
    if _is_job(metric):
        return measurer.jobs.fault(metric.block, namespace)
    asked = asking(metric, _moment(clock))
    return asked.reason if isinstance(asked, Unusable) else measurer.value_fault(asked.provider, asked.text)


def past_fault_of(metric: PlannedMetric, measurer: Measurer, clock: Clock) -> str | None:
    """What keeps the metric from being measured as of a time that is over."""
    if _is_job(metric):
        return "a Job only knows the present: of the past ask a metric provider with ranges, as prometheus"
    asked = asking(metric, _moment(clock))
    return asked.reason if isinstance(asked, Unusable) else measurer.past_fault(asked.provider)


async def measured(
    metric: PlannedMetric, turn: Turn, subject: Subject, measurer: Measurer, clock: Clock, *, reading: Reading
) -> Outcome:
    """Args:
    metric: What is measured.
    turn: Which measurement it is, and after which one.
    subject: Of whom.
    measurer: Who asks.
    clock: When.
    reading: Of the conditions.
    """
    started_at_s = clock.monotonic_s()
    asked = await _asked(metric, turn, subject, measurer, clock, reading=reading)
    metrics.count_phase(metric.provider.lower(), asked.found.phase)
    value = asked.value
    taken = Taken(
        phase=asked.found.phase,
        started_at_s=started_at_s,
        finished_at_s=clock.monotonic_s(),
        at_s=clock.now_s(),
        value="" if value is None else template_evidence.text_of(value.raw),
        message=asked.found.message,
        number=None if value is None else template_evidence.number_of(value.raw),
    )
    return Outcome(asked.query, taken)


async def _asked(
    metric: PlannedMetric, turn: Turn, subject: Subject, measurer: Measurer, clock: Clock, *, reading: Reading
) -> Asked:
    if _is_job(metric):
        ran = await measurer.jobs.measured(metric.block, turn)
        return Asked(f"job/{ran.job}", None, ran.found)
    asked = asking(metric, _moment(clock))
    if isinstance(asked, Unusable):
        return Asked("", None, Found("Error", asked.reason))
    value = await measurer.value(asked.provider, asked.text, subject, turn.after_s)
    found = _found(metric, value, clock, reading)
    return Asked(asked.text, None if isinstance(value, Unusable) else value, found)


def _is_job(metric: PlannedMetric) -> bool:
    return metric.provider.lower() == JOB


def _found(metric: PlannedMetric, value: Value | Unusable, clock: Clock, reading: Reading) -> Found:
    if isinstance(value, Unusable):
        return Found("Error", value.reason)
    evaluate = conditions.evaluator(_moment(clock), whole_result_asked=reading.whole_result_asked)
    return phase_of(metric, result_of(metric.provider.lower(), value.raw), evaluate)


def _moment(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now_s(), UTC)

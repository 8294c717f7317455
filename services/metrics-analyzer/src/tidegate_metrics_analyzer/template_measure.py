"""One measurement of one metric of a template: asked, judged by its conditions, and made a sample. Never raises.

Called by `template_run` on each metric's schedule. Whatever a provider does wrong is an error in Argo's sense.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from tidegate_chassis.clock import Clock
from tidegate_metrics_analyzer import metrics, template_evidence
from tidegate_metrics_analyzer.argo import conditions
from tidegate_metrics_analyzer.argo.counting import Taken
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.argo.phase import Found, phase_of
from tidegate_metrics_analyzer.argo.query import asking, result_of
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject, Unusable, Value


class Measurement(NamedTuple):
    query: str
    taken: Taken


def fault_of(metric: PlannedMetric, measurer: Measurer, clock: Clock) -> str | None:
    """What makes the metric impossible to measure, however long it is tried."""
    asked = asking(metric, _moment(clock))
    return asked.reason if isinstance(asked, Unusable) else measurer.value_fault(asked.provider, asked.text)


def past_fault_of(metric: PlannedMetric, measurer: Measurer, clock: Clock) -> str | None:
    """What keeps the metric from being measured as of a time that is over."""
    asked = asking(metric, _moment(clock))
    return asked.reason if isinstance(asked, Unusable) else measurer.past_fault(asked.provider)


async def measured(metric: PlannedMetric, subject: Subject, measurer: Measurer, clock: Clock) -> Measurement:
    started_at_s = clock.monotonic_s()
    asked = asking(metric, _moment(clock))
    query = "" if isinstance(asked, Unusable) else asked.text
    value = asked if isinstance(asked, Unusable) else await measurer.value(asked.provider, asked.text, subject)
    found = _found(metric, value, clock)
    metrics.count_phase(metric.provider.lower(), found.phase)
    taken = Taken(
        phase=found.phase,
        started_at_s=started_at_s,
        finished_at_s=clock.monotonic_s(),
        at_s=clock.now_s(),
        value="" if isinstance(value, Unusable) else template_evidence.text_of(value.raw),
        message=found.message,
        number=None if isinstance(value, Unusable) else template_evidence.number_of(value.raw),
    )
    return Measurement(query, taken)


def _found(metric: PlannedMetric, value: Value | Unusable, clock: Clock) -> Found:
    if isinstance(value, Unusable):
        return Found("Error", value.reason)
    return phase_of(metric, result_of(metric.provider.lower(), value.raw), conditions.evaluator(_moment(clock)))


def _moment(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now_s(), UTC)

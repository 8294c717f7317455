"""When a metric is measured next. Pure; called by `template_progress`."""

from typing import Final

from tidegate_metrics_analyzer.argo.counting import Counts
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.argo.quirks import Reading

RETRY_S: Final = 10.0
"""After an error; and, for a metric without an interval, in any case."""


def next_at_s(metric: PlannedMetric, counts: Counts, since_s: float, reading: Reading) -> float | None:
    """None: never again. What was missed meanwhile is measured once, not made up for."""
    if counts.last is None:
        return since_s + metric.initial_delay_s
    if metric.limits.count is not None and counts.count >= metric.limits.count:
        return None
    return counts.last.finished_at_s + _wait_s(metric, counts, reading)


def _wait_s(metric: PlannedMetric, counts: Counts, reading: Reading) -> float:
    if metric.interval_s is None:
        return RETRY_S
    if counts.consecutive_error:
        return RETRY_S if reading.slow_retries else min(metric.interval_s, RETRY_S)
    return metric.interval_s

"""The analyzer's own Prometheus metrics. No label ever holds what a requester wrote."""

from typing import Final

from prometheus_client import Counter, Histogram

from tidegate_contracts.rollout import Check
from tidegate_contracts.templates import Phase
from tidegate_metrics_analyzer import judge
from tidegate_metrics_analyzer.comparison import Judged
from tidegate_metrics_analyzer.question import Reading, Unusable

measurements: Final = Counter(
    "tidegate_measurements", "Measurements taken, by provider and by what they were worth", ["provider", "outcome"]
)
query_seconds: Final = Histogram(
    "tidegate_metric_query_seconds",
    "Time that a provider took to answer one query",
    ["provider"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)
told: Final = Counter("tidegate_told", "Verdicts and alerts from outside that concern an analysis", ["kind", "word"])
notified: Final = Counter(
    "tidegate_alerts_notified", "Alerts that were notified of, by what became of them", ["outcome"]
)
tick_late_seconds: Final = Histogram(
    "tidegate_tick_late_seconds",
    "How long after its moment a measurement was asked for",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
verdicts: Final = Counter("tidegate_verdicts", "Verdicts reported, by scope and verdict", ["scope", "verdict"])


def count_measurement(check: Check, reading: Reading | Judged) -> None:
    if isinstance(reading, Unusable):
        outcome = "unusable"
    elif isinstance(reading, Judged):
        outcome = "out_of_range" if reading.verdict == "fail" else "in_range"
    else:
        outcome = "in_range" if judge.within(check, reading) else "out_of_range"
    measurements.labels(check.provider, outcome).inc()


def count_phase(provider: str, phase: Phase) -> None:
    """Of a template's measurement; the provider is one that is installed."""
    outcome = {"Successful": "in_range", "Failed": "out_of_range"}.get(phase, "unusable")
    measurements.labels(provider, outcome).inc()

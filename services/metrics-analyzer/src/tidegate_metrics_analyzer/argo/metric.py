"""One metric's numbers: its limits, its times and its provider, once its arguments are filled in. Pure.

Made from `template.Metric` by `metric_of`, of which `validate` has found nothing wrong; read by `counting`, `schedule`
and `verdict`.
"""

import re
from typing import Any, Final

import msgspec

from tidegate_metrics_analyzer.argo import duration
from tidegate_metrics_analyzer.argo.template import Metric, NumberOrText

CONSECUTIVE_ERROR_LIMIT: Final = 4
NO_LIMIT: Final = -1
SAMPLES_KEPT: Final = 10
CONDITIONS_KEPT_MAX: Final = 2000
"""Read once, asked for every measurement."""
INTERVAL_S_MIN: Final = 0.1
"""No metric is measured more often, whatever its interval says."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    count: int | None = 1
    """Measurements that decide; None: there is no end."""
    failure_limit: int = 0
    """`NO_LIMIT`: however many fail."""
    inconclusive_limit: int = 0
    consecutive_error_limit: int = CONSECUTIVE_ERROR_LIMIT
    consecutive_success_limit: int = 0
    """0: there is none."""

    @property
    def failures_end_it(self) -> bool:
        return self.failure_limit > NO_LIMIT

    @property
    def successes_end_it(self) -> bool:
        return self.consecutive_success_limit > 0


class PlannedMetric(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    provider: str
    """The key below `provider:`."""
    block: dict[str, Any]
    """What stands below that key."""
    success_condition: str = ""
    failure_condition: str = ""
    interval_s: float | None = None
    """None: one good measurement is all that is wanted."""
    initial_delay_s: float = 0.0
    limits: Limits = Limits()
    dry_run: bool = False
    samples_kept: int = SAMPLES_KEPT


def metric_of(metric: Metric, *, dry_run: bool = False, samples_kept: int = SAMPLES_KEPT) -> PlannedMetric:
    """Of a metric without a fault: exactly one provider, and durations that are some."""
    ((provider, block),) = metric.provider.items()
    interval_s = duration.seconds(metric.interval) if metric.interval else None
    return PlannedMetric(
        name=metric.name,
        provider=provider,
        block=block,
        success_condition=metric.success_condition,
        failure_condition=metric.failure_condition,
        interval_s=max(interval_s, INTERVAL_S_MIN) if interval_s is not None else None,
        initial_delay_s=max(duration.seconds(metric.initial_delay) or 0.0, 0.0) if metric.initial_delay else 0.0,
        limits=limits_of(metric),
        dry_run=dry_run,
        samples_kept=samples_kept,
    )


def limits_of(metric: Metric) -> Limits:
    error_limit = metric.consecutive_error_limit
    return Limits(
        count=number(metric.count) or (None if metric.interval else 1),
        failure_limit=number(metric.failure_limit),
        inconclusive_limit=number(metric.inconclusive_limit),
        consecutive_error_limit=CONSECUTIVE_ERROR_LIMIT if error_limit is None else number(error_limit),
        consecutive_success_limit=number(metric.consecutive_success_limit),
    )


def number(value: NumberOrText | None) -> int:
    """As Argo takes it: nothing, and a text that is no number, are 0."""
    if isinstance(value, str):
        return int(value) if is_number(value) else 0
    return value or 0


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None

"""What is wrong with an analysis of templates, by Argo's own rules. Pure; called by `assembling`.

Its arguments are filled in by then, because limits and times may hold some. What Argo accepts is accepted, but for a
limit that is no number where the reading is without quirks.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate_contracts import limits as bounds
from tidegate_contracts.problem import Problem, problem
from tidegate_metrics_analyzer.argo import conditions, duration, matching
from tidegate_metrics_analyzer.argo.metric import NO_LIMIT, is_number, limits_of, number
from tidegate_metrics_analyzer.argo.quirks import Reading
from tidegate_metrics_analyzer.argo.template import Metric, Specification

_NUMBERS: Final = (
    "count",
    "failure_limit",
    "inconclusive_limit",
    "consecutive_error_limit",
    "consecutive_success_limit",
)


def problems(specification: Specification, reading: Reading) -> Iterator[Problem]:
    metrics = specification.metrics
    if not metrics:
        yield problem("metrics", "[]", "at least one metric", "Add one, or name a template that has some.")
    if len(metrics) > bounds.CHECKS_MAX:
        rule = f"at most {bounds.CHECKS_MAX} metrics in all templates together"
        yield problem("metrics", len(metrics), rule, "Take some out.")
    for index, metric in enumerate(metrics):
        yield from _metric(f"metrics[{index}]", metric, reading)
    names = [metric.name for metric in metrics]
    yield from _rules("dryRun", [rule.metric_name for rule in specification.dry_run], names)
    yield from _rules("measurementRetention", [rule.metric_name for rule in specification.measurement_retention], names)


def endless(metrics: Sequence[Metric]) -> Iterator[Problem]:
    """Metrics that never come to an end, where a step waits for it."""
    for index, metric in enumerate(metrics):
        if limits_of(metric).count is None:
            rule = "a count in a step's analysis, whose end is waited for"
            yield problem(f"metrics[{index}].count", metric.name, rule, "Give one, or watch it in the background.")


def _metric(field: str, metric: Metric, reading: Reading) -> Iterator[Problem]:
    if not metric.name:
        yield problem(f"{field}.name", "", "a name", "Name it.")
    if len(metric.provider) != 1:
        named = ", ".join(sorted(metric.provider)) or "none"
        yield problem(f"{field}.provider", named, "exactly one provider", "Make a metric of each.")
    elif not isinstance(next(iter(metric.provider.values())), dict):
        yield problem(f"{field}.provider", "no object", "the provider's own fields", "Write them below its name.")
    if not reading.texts_are_zero:
        yield from _texts(field, metric)
    yield from _limits(field, metric)
    yield from _times(field, metric)
    yield from _conditions(field, metric)


def _texts(field: str, metric: Metric) -> Iterator[Problem]:
    for name in _NUMBERS:
        value = getattr(metric, name)
        if isinstance(value, str) and not is_number(value):
            yield problem(
                f"{field}.{_camel(name)}", value, "a whole number", "Write a number, or an argument that is one."
            )


def _limits(field: str, metric: Metric) -> Iterator[Problem]:
    limits = limits_of(metric)
    if limits.failure_limit < NO_LIMIT:
        rule = "0 or more, or -1 for no limit"
        yield problem(f"{field}.failureLimit", limits.failure_limit, rule, "Give a number in that range.")
    for name in ("inconclusive_limit", "consecutive_error_limit", "consecutive_success_limit"):
        if getattr(limits, name) < 0:
            yield problem(f"{field}.{_camel(name)}", getattr(limits, name), "0 or more", "Give such a number.")
    if limits.failure_limit == NO_LIMIT and limits.consecutive_success_limit == 0:
        rule = "a limit, where there is no consecutiveSuccessLimit"
        yield problem(f"{field}.failureLimit", NO_LIMIT, rule, "Give one of the two.")
    yield from _enough(field, metric)


def _enough(field: str, metric: Metric) -> Iterator[Problem]:
    """A count below which a limit could never be reached."""
    count, limits = number(metric.count), limits_of(metric)
    if count <= 0:
        return
    wanted = max(limits.failure_limit, 0) + limits.consecutive_success_limit
    if count < wanted:
        rule = f"failureLimit and consecutiveSuccessLimit together at least ({wanted})"
        yield problem(f"{field}.count", count, rule, "Measure more often, or lower a limit.")
    if count < limits.inconclusive_limit:
        rule = f"the inconclusiveLimit at least ({limits.inconclusive_limit})"
        yield problem(f"{field}.count", count, rule, "Measure more often, or lower the limit.")
    if count > 1 and not metric.interval:
        yield problem(f"{field}.interval", "", "given where the count is above 1", "Say how often to measure.")


def _times(field: str, metric: Metric) -> Iterator[Problem]:
    for name in ("interval", "initial_delay"):
        text = getattr(metric, name)
        if text and duration.seconds(text) is None:
            yield problem(f"{field}.{_camel(name)}", text, "a duration such as 30s or 1m30s", "Write it like that.")


def _conditions(field: str, metric: Metric) -> Iterator[Problem]:
    for name in ("success_condition", "failure_condition"):
        condition = getattr(metric, name)
        if condition and (fault := conditions.fault(condition)) is not None:
            rule = f"an expression that can be read: {fault}"
            yield problem(f"{field}.{_camel(name)}", condition, rule, "Correct the expression.")


def _rules(field: str, patterns: Sequence[str], names: Sequence[str]) -> Iterator[Problem]:
    for index, pattern in enumerate(patterns):
        at = f"{field}[{index}].metricName"
        if pattern in patterns[:index]:
            yield problem(at, pattern, "given once", "Take one of them out.")
        elif not any(matching.matches(pattern, name) for name in names):
            rule = "a regular expression that is found in a metric's name"
            yield problem(at, pattern, rule, "Name a metric, or take the rule out.")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

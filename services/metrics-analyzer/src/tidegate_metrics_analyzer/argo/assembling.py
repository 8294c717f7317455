"""From the templates that were read to the metrics that are measured: everything filled in, or what is wrong. Pure.

Called by `template_reader` with all templates that an analysis names, directly or in turn.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.templates import TemplateReference
from tidegate_metrics_analyzer.argo import arguments, matching, validate
from tidegate_metrics_analyzer.argo.flatten import flatten
from tidegate_metrics_analyzer.argo.metric import SAMPLES_KEPT, PlannedMetric, metric_of
from tidegate_metrics_analyzer.argo.quirks import Reading
from tidegate_metrics_analyzer.argo.template import (
    DryRun,
    MeasurementRetention,
    Metric,
    SecretKeyReference,
    Specification,
    Template,
)


class Assembled(NamedTuple):
    metrics: tuple[PlannedMetric, ...]
    secrets: frozenset[SecretKeyReference]
    """Which the metrics name; their values are not known here."""


def assemble(
    templates: Mapping[TemplateReference, Template],
    given: Mapping[str, str],
    dry_run: Sequence[str],
    reading: Reading,
    *,
    must_end: bool,
) -> Assembled | tuple[Problem, ...]:
    """All templates as one analysis, with the request's values for their arguments."""
    whole = flatten(templates)
    if isinstance(whole, Problem):
        return (whole,)
    texts = arguments.resolve(whole.args, given, reading)
    if isinstance(texts, Problem):
        return (texts,)
    filled = _filled(whole.metrics, texts)
    if isinstance(filled, Problem):
        return (filled,)
    rules = (*(DryRun(metric_name=pattern) for pattern in dry_run), *whole.dry_run)
    specification = msgspec.structs.replace(whole, metrics=filled, dry_run=rules)
    ends = validate.endless(filled) if must_end else ()
    if found := (*validate.problems(specification, reading), *ends):
        return found
    named = frozenset(argument.secret for argument in whole.args if argument.secret is not None)
    return Assembled(tuple(_planned(specification)), named)


def _filled(metrics: Iterable[Metric], texts: Mapping[str, str]) -> tuple[Metric, ...] | Problem:
    filled: list[Metric] = []
    for index, metric in enumerate(metrics):
        try:
            fields: Any = arguments.filled(msgspec.to_builtins(metric), texts)
        except arguments.Unresolved as error:
            remedy = "Declare the argument in the template, and close its braces."
            return problem(f"metrics[{index}]", error.tag, "arguments that are declared, as {{args.name}}", remedy)
        if (outside := _secret_outside_provider(fields)) is not None:
            rule = "secrets in the provider's fields only"
            return problem(f"metrics[{index}].{outside}", "a secret", rule, "Use another argument here.")
        filled.append(msgspec.convert(fields, Metric))
    return tuple(filled)


def _secret_outside_provider(fields: Mapping[str, Any]) -> str | None:
    return next(
        (
            name
            for name, value in fields.items()
            if name != "provider" and isinstance(value, str) and arguments.STANDS_FOR_A_SECRET in value
        ),
        None,
    )


def _planned(specification: Specification) -> Iterable[PlannedMetric]:
    for metric in specification.metrics:
        yield metric_of(
            metric,
            dry_run=any(matching.matches(rule.metric_name, metric.name) for rule in specification.dry_run),
            samples_kept=_samples_kept(metric.name, specification.measurement_retention),
        )


def _samples_kept(name: str, rules: Iterable[MeasurementRetention]) -> int:
    """As the last rule that is meant for the metric says, but never more than fit into an event."""
    wanted = [rule.limit for rule in rules if matching.matches(rule.metric_name, name)]
    return min(max(wanted[-1], 1), SAMPLES_KEPT) if wanted else SAMPLES_KEPT

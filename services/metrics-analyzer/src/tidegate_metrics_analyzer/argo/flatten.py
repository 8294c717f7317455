"""Several templates, and those that they name in turn, made one. Pure; called by `assembling`.

Metrics keep their names, so these must differ; an argument that several declare is one, and must not have two values.
"""

from collections.abc import Iterable, Mapping, Sequence

from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.templates import TemplateReference
from tidegate_metrics_analyzer.argo.template import Argument, Specification, Template


def named_in(template: Template) -> tuple[TemplateReference, ...]:
    """The templates that this one builds on."""
    return tuple(
        TemplateReference(name=named.template_name, cluster_scope=named.cluster_scope)
        for named in template.spec.templates
    )


def flatten(templates: Mapping[TemplateReference, Template]) -> Specification | Problem:
    """Of all of them, each once, in the order in which they were read."""
    specifications = [template.spec for template in templates.values()]
    args = _args(argument for specification in specifications for argument in specification.args)
    if isinstance(args, Problem):
        return args
    metrics = tuple(metric for specification in specifications for metric in specification.metrics)
    if (twice := _twice([metric.name for metric in metrics])) is not None:
        return problem("metrics", twice, "metric names that differ in all templates together", "Rename one of them.")
    return Specification(
        metrics=metrics,
        args=args,
        dry_run=tuple(rule for specification in specifications for rule in specification.dry_run),
        measurement_retention=tuple(
            rule for specification in specifications for rule in specification.measurement_retention
        ),
    )


def _args(declared: Iterable[Argument]) -> tuple[Argument, ...] | Problem:
    by_name: dict[str, Argument] = {}
    for argument in declared:
        earlier = by_name.setdefault(argument.name, argument)
        if earlier.value is None:
            by_name[argument.name] = argument
        elif argument.value not in (None, earlier.value):
            remedy = "Give it in one template only, or the same in all."
            return problem(f"args.{argument.name}", argument.value, "one value in all templates together", remedy)
    return tuple(by_name.values())


def _twice(names: Sequence[str]) -> str | None:
    return next((name for index, name in enumerate(names) if name in names[:index]), None)

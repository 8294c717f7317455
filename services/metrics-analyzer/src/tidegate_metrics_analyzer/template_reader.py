"""An analysis' templates read and made its metrics: those that it names, those that they name, and its arguments.

Called by `template_run` when the analysis begins. What is read here stays for the whole analysis, as with Argo.
"""

from typing import Final, NamedTuple

from tidegate_contracts.limits import TEMPLATES_MAX
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import TemplateArgument, TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo import arguments, flatten, quirks
from tidegate_metrics_analyzer.argo.assembling import Assembled, assemble
from tidegate_metrics_analyzer.argo.template import Template
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.template_source import TemplateSource

PROBLEMS_TOLD: Final = 3


class Refused(NamedTuple):
    """The templates can't be used as they stand, however long it is tried."""

    reason: str


async def read(
    analysis: Analysis, subject: Subject, workload: WorkloadReference | None, source: TemplateSource, *, must_end: bool
) -> Assembled | Refused:
    """Raises what `source` raises.

    Args:
        analysis: Names the templates, and gives values for their arguments.
        subject: Whose revisions an argument may stand for.
        workload: Whose fields one may stand for; None for an analysis of nothing that rolls out.
        source: Where both are read.
        must_end: Whether somebody waits for the end, as a step does.
    """
    templates = await _templates(analysis.templates, subject.namespace, source)
    if isinstance(templates, Refused):
        return templates
    given = await _given(analysis.arguments, subject, workload, source)
    if isinstance(given, Refused):
        return given
    assembled = assemble(templates, given, analysis.dry_run, quirks.reading(analysis.quirks), must_end=must_end)
    if isinstance(assembled, Assembled):
        return assembled
    return Refused("the templates can't be used: " + "; ".join(str(each) for each in assembled[:PROBLEMS_TOLD]))


async def _templates(
    named: tuple[TemplateReference, ...], namespace: str, source: TemplateSource
) -> dict[TemplateReference, Template] | Refused:
    """Each once, however many name it, and so in a circle, too."""
    templates: dict[TemplateReference, Template] = {}
    waiting = list(named)
    while waiting:
        reference = waiting.pop(0)
        if reference in templates:
            continue
        if len(templates) == TEMPLATES_MAX:
            return Refused(f"more than {TEMPLATES_MAX} templates, those that templates name included")
        template = await source.template(namespace, reference)
        if template is None:
            return Refused(_missing(reference, namespace))
        templates[reference] = template
        waiting += flatten.named_in(template)
    return templates


def _missing(reference: TemplateReference, namespace: str) -> str:
    if reference.cluster_scope:
        return f"there is no ClusterAnalysisTemplate {reference.name}"
    return f"there is no AnalysisTemplate {reference.name} in namespace {namespace}"


async def _given(
    wanted: tuple[TemplateArgument, ...], subject: Subject, workload: WorkloadReference | None, source: TemplateSource
) -> dict[str, str] | Refused:
    found = None
    if workload is not None and any(argument.field_path is not None for argument in wanted):
        found = await source.workload(subject.namespace, workload)
    given: dict[str, str] = {}
    for argument in wanted:
        value = _value(argument, subject, found)
        if value is None:
            return Refused(f"arguments.{argument.name}: {_nothing(argument)}")
        given[argument.name] = value
    return given


def _value(argument: TemplateArgument, subject: Subject, workload: object) -> str | None:
    if argument.pod_template_hash is not None:
        return subject.stable_revision if argument.pod_template_hash == "stable" else subject.revision
    if argument.field_path is not None:
        return arguments.field_of(workload, argument.field_path)
    return argument.value


def _nothing(argument: TemplateArgument) -> str:
    if argument.pod_template_hash is not None:
        return "the revision is not known yet"
    return f"the workload has no single value at {argument.field_path}"

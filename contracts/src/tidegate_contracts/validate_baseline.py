"""What is wrong with a step that asks for a fresh baseline: it has to be able to get one, and to be compared with it.

Called by `validate`. Its pods are told from the stable revision's other pods by their names alone, since they are of
the same revision; so the queries have to ask by names, and the names have to come out whole.
"""

import re
from collections.abc import Iterator
from typing import Final

from tidegate_contracts import limits
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import Analysis, RolloutRequested, Step

_COMPARES_NOTHING: Final = {"analysis": "the analysis of the whole rollout", "bake.analysis": "a bake"}
_PODS: Final = re.compile(r"\{\{\s*pods\s*\}\}")


def baseline_problems(request: RolloutRequested) -> Iterator[Problem]:
    for field, analysis in request.analyses:
        yield from _queries(field, analysis)
        if analysis.fresh_baseline and field in _COMPARES_NOTHING:
            rule = f"stable in {_COMPARES_NOTHING[field]}, which compares nothing"
            yield problem(f"{field}.baseline", "fresh", rule, "Put it into a step's analysis.")
    weight_percent = 0
    for index, step in enumerate(request.steps):
        if step.traffic is not None and step.traffic.weight_percent is not None:
            weight_percent = step.traffic.weight_percent
        if step.analysis is not None and step.analysis.fresh_baseline:
            field = f"steps[{index}].analysis"
            yield from _possible(f"{field}.baseline", request, step, weight_percent)
            yield from _compared(field, step.analysis)


def _possible(field: str, request: RolloutRequested, step: Step, weight_percent: int) -> Iterator[Problem]:
    workload = request.workload
    if (workload.kind, workload.api_version) != ("Deployment", "apps/v1"):
        rule = f"stable for a {workload.kind}: only a Deployment's pods can be had a second time"
        yield problem(field, "fresh", rule, "Leave it out.")
    if len(workload.name) > limits.BASELINE_WORKLOAD_NAME_LENGTH_MAX:
        rule = f"stable for a name of more than {limits.BASELINE_WORKLOAD_NAME_LENGTH_MAX} characters"
        yield problem(field, "fresh", rule, "Leave it out: its pods could not be told by their names.")
    none_left = request.style == "partition" and step.replicas == f"{WHOLE_PERCENT}%"
    if none_left or weight_percent == WHOLE_PERCENT:
        rule = "stable in a step after which the stable revision gets no requests"
        yield problem(field, "fresh", rule, "Compare in an earlier step.")


def _compared(field: str, analysis: Analysis) -> Iterator[Problem]:
    if not any(check.compare is not None for check in analysis.checks):
        rule = "stable where no check compares"
        yield problem(f"{field}.baseline", "fresh", rule, "Leave it out, or compare.")
    for index, check in enumerate(analysis.checks):
        if check.compare is not None and not _PODS.search(check.query):
            remedy = 'Select pods by their names, as in pod=~"{{pods}}", in a query of your own.'
            rule = "a query with {{pods}} where the baseline is fresh"
            yield problem(f"{field}.checks[{index}].query", check.query or check.metric, rule, remedy)


def _queries(field: str, analysis: Analysis) -> Iterator[Problem]:
    for index, check in enumerate(analysis.checks):
        if _PODS.search(check.query) and (check.compare is None or not analysis.fresh_baseline):
            rule = "{{pods}} only in a check that compares with a fresh baseline"
            remedy = "Select the pods by {{revision}}."
            yield problem(f"{field}.checks[{index}].query", check.query, rule, remedy)

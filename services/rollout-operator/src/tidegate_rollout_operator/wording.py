"""The problems of a request, said of the fields that the Rollout's author wrote. Pure; called by `translate`."""

from typing import Final

from msgspec.structs import replace

from tidegate_contracts.problem import Problem

_FIELDS: Final = (
    ("request.workload.api_version", "spec.workloadRef.apiVersion"),
    ("request.workload.", "spec.workloadRef."),
    ("request.steps", "{style}.steps"),
    ("request.traffic", "{style}.trafficRoutings"),
    ("request.failure_threshold", "{style}.failureThreshold"),
    ("request.canary_metadata", "{style}.patchPodTemplateMetadata"),
    ("request.", "spec.strategy."),
)
_PARTS: Final = (
    (".traffic.weight_percent", ".traffic"),
    (".traffic.matches", ".matches"),
    (".pause.duration_s", ".pause.duration"),
    (".route", ".gateway.httpRouteName"),
    (".grace_s", ".gracePeriodSeconds"),
    (".query", ".queryParams"),
    (".path_prefix", ".path"),
)
"""What is called otherwise within them."""


def in_kruises_words(problem: Problem, style: str) -> Problem:
    """`style` is the path of the block that the strategy has."""
    start, ours = next(((start, ours) for start, ours in _FIELDS if problem.field.startswith(start)), ("", ""))
    field = ours.format(style=style) + problem.field.removeprefix(start)
    for theirs, part in _PARTS:
        field = field.replace(theirs, part)
    return replace(problem, field=field)

"""The problems of a request, said of the fields that the Rollout's author wrote. Pure; called by `translate`."""

import re
from collections.abc import Sequence
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
    (".traffic.request_headers", ".requestHeaderModifier"),
    (".pause.duration_s", ".pause.duration"),
    (".bake.duration_s", ".bake.durationSeconds"),
    (".headers_regex", ".headers"),
    (".query_regex", ".queryParams"),
    (".query", ".queryParams"),
    (".path_prefix", ".path"),
    (".path_exact", ".path"),
    (".path_regex", ".path"),
)
"""What is called otherwise within them."""

_OF_THE_OBJECT: Final = {".kind": ".kind", ".api_version": ".apiVersion", ".class_type": ".classType"}
"""What stands beside a route's name."""

_ANALYSIS: Final = ".analysis"
_WORD: Final = re.compile(r"_([a-z])")

_ROUTE: Final = re.compile(r"request\.traffic\[([0-9]+)\](.*)")


def in_kruises_words(problem: Problem, style: str, routes: Sequence[str]) -> Problem:
    """A problem of the request as one of the Rollout.

    Args:
        problem: What is wrong.
        style: The path of the block that the strategy has.
        routes: The field in that block that names each of the request's routes.
    """
    if (found := _ROUTE.match(problem.field)) is not None:
        return replace(problem, field=f"{style}.{_of_route(routes[int(found[1])], found[2])}")
    start, ours = next(((start, ours) for start, ours in _FIELDS if problem.field.startswith(start)), ("", ""))
    return _named(problem, ours.format(style=style) + problem.field.removeprefix(start))


def in_a_routings_words(problem: Problem) -> Problem:
    """A problem of what is asked of a router as one of a TrafficRouting's strategy."""
    field = problem.field.replace(".weight_percent", ".weight").replace(".request_headers", ".requestHeaderModifier")
    return _named(problem, field)


def _named(problem: Problem, field: str) -> Problem:
    start, analysis, within = field.partition(_ANALYSIS)
    for theirs, part in _PARTS:
        start = start.replace(theirs, part)
    return replace(problem, field=start + analysis + _WORD.sub(lambda found: found[1].upper(), _with_units(within)))


def _with_units(field: str) -> str:
    """Of an analysis every name is the request's, but for the case of its letters and its seconds."""
    return f"{field.removesuffix('_s')}_seconds" if field.endswith("_s") else field


def _of_route(named_by: str, part: str) -> str:
    if part == ".route":
        return named_by
    if part in _OF_THE_OBJECT:
        return named_by.rpartition(".")[0] + _OF_THE_OBJECT[part]
    routing, _, _ = named_by.partition(".")
    return routing + {".grace_s": ".gracePeriodSeconds", ".canary_service": ".service"}.get(part, part)

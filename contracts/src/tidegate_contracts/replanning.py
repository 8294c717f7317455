"""What of a rollout may change while it is under way: its plan. What it is a rollout of may not.

Pure; called by the orchestrator, which answers with an event, and by the `tidegate` command before it publishes.
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.workload import WorkloadReference

CHANGEABLE: Final = (
    "steps",
    "analysis",
    "analysis_from_step",
    "bake",
    "on_failure",
    "rollback",
    "failure_threshold",
    "deadlines",
)
"""The fields of a request that count from when they were changed on. Who asked, and why, stays as it was asked."""

_REMEDY: Final = "Leave it as it is, or publish a new request."


def changed(request: RolloutRequested, wanted: RolloutRequested) -> RolloutRequested:
    """The request of a rollout under way with the plan of another one."""
    return replace(request, **{name: getattr(wanted, name) for name in CHANGEABLE})


def fixed_problems(rollout: str, request: RolloutRequested, wanted: RolloutRequested) -> tuple[Problem, ...]:
    """What a wanted request changes of a rollout under way that can't be changed."""
    return tuple(_fixed_problems(rollout, request, wanted))


def _fixed_problems(rollout: str, request: RolloutRequested, wanted: RolloutRequested) -> Iterator[Problem]:
    before, after = request.workload, wanted.workload
    if _identity(before) != _identity(after):
        told = f"{after.kind} {after.name}"
        yield _fixed("workload", told, f"{before.kind} {before.name}, whose rollout is under way")
    if wanted.rollout not in (None, rollout):
        yield _fixed("rollout", wanted.rollout, f"{rollout}, or left out")
    if wanted.change is not None and wanted.change != request.change:
        yield _fixed("change", "another one", "the version that is rolled out, or left out")
    if wanted.style != request.style:
        yield _fixed("strategy", wanted.strategy, f"{request.style}, as the workload is held")
    if wanted.canary_metadata != request.canary_metadata:
        yield _fixed("canary_metadata", "another one", "what the extra pods have been given")
    if wanted.traffic != request.traffic:
        yield _fixed("traffic", "another one", "the routes that are in use")


def _identity(workload: WorkloadReference) -> tuple[str, str, str]:
    return workload.name, workload.kind.lower(), workload.group


def _fixed(field: str, value: object, rule: str) -> Problem:
    return problem(f"request.{field}", value, rule, _REMEDY)

"""Workloads that Kruise Rollouts holds: told by what its manager writes on them, and takes off when it lets go.

Pure. `fitness` refuses their rollouts and `warding` leaves them unguarded, because two that hold one workload take each
other's saved values for its user's: what Kruise paused with the strategy `Recreate` would replace all pods at once.
"""

from typing import Final

from tidegate_contracts.problem import Problem
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller.seen import Workload

MARKS: Final = (
    "rollouts.kruise.io/in-progressing",
    "batchrelease.rollouts.kruise.io/control-info",
    "rollouts.kruise.io/deployment-strategy",
    "rollouts.kruise.io/original-deployment-strategy",
    "rollouts.kruise.io/daemonset-original-update-strategy",
)
"""Annotations of all kinds and styles that stand from Kruise's hold at admission to the end of its finalising."""

REMEDY: Final = (
    "Let Kruise Rollouts finish or roll back this release, or take its hold off by hand as docs/migrate-from-kruise.md"
    " says; then ask again."
)


def mark_of(workload: Workload) -> str | None:
    """By which annotation Kruise holds it; None where it doesn't."""
    return next((mark for mark in MARKS if mark in workload.metadata.annotations), None)


def problem_of(reference: WorkloadReference, workload: Workload) -> Problem | None:
    mark = mark_of(workload)
    if mark is None:
        return None
    return Problem(
        field=f"workload.metadata.annotations[{mark}]",
        value="set",
        rule=f"Kruise Rollouts does not hold {reference.kind} {reference.name}",
        remedy=REMEDY,
    )

"""Workloads that Kruise Rollouts holds are left to it: its annotations tell.

Pure. `fitness` refuses their rollouts and `warding` leaves them unguarded: what Kruise saved for its user is not ours
to give back, and a Deployment that it paused with the strategy `Recreate` would replace all its pods at once.
"""

from tidegate_contracts.kruises_hold import ANNOTATIONS, REMEDY
from tidegate_contracts.problem import Problem
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller.seen import Workload


def mark_of(workload: Workload) -> str | None:
    """By which annotation Kruise holds it; None where it doesn't."""
    return next((mark for mark in ANNOTATIONS if mark in workload.metadata.annotations), None)


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

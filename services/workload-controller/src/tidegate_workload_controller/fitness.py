"""Whether a workload can be held at all: what every kind needs, and nobody else holding it.

Pure; `kinds.preparing` asks before it tries a change. Each fault is told with the field, the value and the remedy.
"""

from tidegate_contracts.orders import PrepareWorkload
from tidegate_contracts.problem import Problem, printable
from tidegate_workload_controller import kruises_hold
from tidegate_workload_controller.saved import saved_on
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.template import Json, container_names


def unfit(order: PrepareWorkload, view: View, template: Json) -> Problem | None:
    """What is wrong with the workload itself, whatever the change."""
    if (foreign := kruises_hold.problem_of(order.workload, view.workload)) is not None:
        return foreign
    spec = view.workload.spec
    if not (spec.selector.match_labels or spec.selector.match_expressions):
        return _lacking(order, "spec.selector", "matchLabels or matchExpressions, by which its pods are found")
    if not container_names(template):
        return _lacking(order, "spec.template", "a pod template with containers")
    if spec.replicas is None and not view.workload.of_nodes:
        return _lacking(order, "spec.replicas", "a number of replicas")
    if saved_on(view.workload) is not None:
        return None
    return _held_by_somebody(view)


def _lacking(order: PrepareWorkload, field: str, what: str) -> Problem:
    kind = printable(order.workload.kind)
    return Problem(
        field=f"workload.{field}",
        value="none",
        rule=f"{kind} {order.workload.name} has {what}",
        remedy="Roll out a workload that has it; a kind that is not like a StatefulSet needs a plugin.",
    )


def _held_by_somebody(view: View) -> Problem | None:
    """A partition is its user's while all pods are of one version; between two it is somebody's rollout."""
    amount = view.hold.partition(view.workload)
    versions = {view.revision_of(pod) for pod in view.pods if pod.alive}
    if amount is None or len(versions) < 2:  # noqa: PLR2004 - one version, or several
        return None
    return Problem(
        field=f"workload.spec.{view.hold.described}",
        value=str(amount),
        rule=f"nobody else's rollout is under way: its pods are of {len(versions)} versions, held apart by a partition",
        remedy="Let that rollout end or take its partition away, then ask again.",
    )

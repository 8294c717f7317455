"""The fresh baseline: as many pods of the stable revision as the batch has new ones, made when those are made.

Pure; `kinds.held` adds it to whatever was decided about the workload, `around` takes it away at the end, and
`kinds.baseline` writes it. It is a ReplicaSet of its own with the stable ReplicaSet's template. Its pods carry the
stable revision's labels, so the stable Service selects them, pinned or not, and each gets as many requests as a stable
pod. Its own labels are not the workload's, or the native controller would take it for one of its ReplicaSets. Nothing
waits for it: where it is missing, the analysis has no data.
"""

from typing import Any, Final

from msgspec.structs import replace

from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, REPLICA_SETS
from tidegate_contracts.names import baseline_name
from tidegate_contracts.orders import ApplyBatch, PromoteWorkload, ReleaseWorkload
from tidegate_workload_controller import marks
from tidegate_workload_controller.actions import Action, Decision, MakeBaseline, RemoveBaseline, ScaleBaseline
from tidegate_workload_controller.batch import rounded_up, target_pods
from tidegate_workload_controller.objections import is_touched
from tidegate_workload_controller.patches import as_seen
from tidegate_workload_controller.seen import ReplicaSet, Sight, View, Workload

Json = dict[str, Any]
Steered = ApplyBatch | PromoteWorkload | ReleaseWorkload

LABELS: Final = (marks.MANAGED_BY, marks.BASELINE, marks.POD_TEMPLATE_HASH)
"""Of the ReplicaSet; by the last one it is followed."""


def with_baseline(order: Steered, sight: Sight, decision: Decision[Any]) -> Decision[Any]:
    """The decision, and what has to be done to the baseline behind it; from a live view only."""
    if isinstance(order, ReleaseWorkload):
        return decision  # `around` has it removed before the marks go, by which it would be found
    actions = () if decision.look_live or decision.done else moves(order, sight)
    if not actions:
        return decision
    if not sight.live:
        return Decision(decision.memory, look_live=True)
    return replace(decision, actions=(*decision.actions, *actions))


def moves(order: Steered, sight: Sight) -> tuple[Action, ...]:
    """What makes the baseline as it should be; nothing for an order that was superseded."""
    own, seen = sight.own, sight.baseline
    if own is None or own.workload.metadata.deletion_timestamp is not None or own.workload.fence > order.revision:
        return ()
    pods = _pods(order, own)
    if seen is None:
        return (MakeBaseline(order, pods),) if isinstance(order, ApplyBatch) and pods else ()
    if not is_ours(seen, own.workload) or seen.metadata.deletion_timestamp is not None:
        return ()
    if not isinstance(order, ApplyBatch) or not pods or not _is_made_for(order, seen):
        return (RemoveBaseline(),)
    return (ScaleBaseline(pods),) if seen.spec.replicas != pods else ()


def is_left(sight: Sight) -> bool:
    """Whether any of it is still in use; pods that are shutting down are not."""
    own, seen = sight.own, sight.baseline
    return own is not None and seen is not None and is_ours(seen, own.workload) and not _is_gone(seen)


def is_ours(seen: ReplicaSet, owner: Workload) -> bool:
    """Whether it was made for this very workload."""
    owned = any(each.uid == owner.metadata.uid for each in seen.metadata.owner_references)
    return owned and marks.BASELINE in seen.metadata.labels


def manifest(order: ApplyBatch, owner: Workload, template: Json, pods: int) -> Json:
    """The whole object, from the stable ReplicaSet's template."""
    name = owner.metadata.name
    own = template.get("metadata") or {}
    added = {marks.BASELINE: name, marks.POD_TEMPLATE_HASH: order.stable_revision}
    labels = {**(own.get("labels") or {}), **added}
    return {
        "apiVersion": REPLICA_SETS.api_version,
        "kind": REPLICA_SETS.kind,
        "metadata": {
            "name": baseline_name(name),
            "labels": {marks.MANAGED_BY: marks.MANAGER, **added},
            "annotations": {marks.HELD_FOR: order.rollout},
            "ownerReferences": [
                {
                    "apiVersion": DEPLOYMENTS.api_version,
                    "kind": DEPLOYMENTS.kind,
                    "name": name,
                    "uid": owner.metadata.uid,
                    "controller": False,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "replicas": pods,
            "selector": {"matchLabels": labels},
            "template": {**template, "metadata": {**own, "labels": labels}},
        },
    }


def scaling(seen: ReplicaSet, pods: int) -> list[Json]:
    """A JSON patch that changes how many pods it has, from what was seen."""
    return [*as_seen(seen), {"op": "replace", "path": "/spec/replicas", "value": pods}]


def _pods(order: Steered, own: View) -> int:
    """As many as the batch's. Before the workload is marked there are none: only what is marked is given back."""
    if not isinstance(order, ApplyBatch) or not order.baseline or not is_touched(order, own):
        return 0
    if order.stable_revision not in {each.name for each in own.revisions}:
        return 0
    count = target_pods if order.style == "partition" else rounded_up
    return count(order.target, own.workload.replicas)


def _is_made_for(order: ApplyBatch, seen: ReplicaSet) -> bool:
    metadata = seen.metadata
    of_rollout = metadata.annotations.get(marks.HELD_FOR) == order.rollout
    return of_rollout and metadata.labels.get(marks.POD_TEMPLATE_HASH) == order.stable_revision


def _is_gone(seen: ReplicaSet) -> bool:
    """It stays until its last pod has stopped; its controller has to have seen that it goes before its count counts."""
    return seen.metadata.deletion_timestamp is not None and seen.is_seen and seen.status.replicas == 0

"""The workload beside a workload: what it is called, what it looks like, and what was done to it by others.

Pure; `beside` decides about it, `kinds.beside` writes it. It is of the same kind and made from the same spec, with the
new template, so many replicas as the batch has pods, and no strategy but its kind's default. Its selector and its pods
have one label more than the workload's own: it fights over no pods, while Services go on selecting all of them.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload
from tidegate_contracts.rollout import CanaryMetadata
from tidegate_workload_controller import marks
from tidegate_workload_controller.patches import as_seen
from tidegate_workload_controller.seen import Workload
from tidegate_workload_controller.template import changed

Json = dict[str, Any]

NAME_LENGTH_MAX: Final = 45
"""Of the workload's name within ours: room for what is added, and for the hashes of revisions and pods."""

HASH_LENGTH: Final = 8
SUFFIX: Final = "-canary"


def short_name(name: str) -> str:
    """The workload's name where it fits into a label, else as much of it as does, with a hash."""
    if len(name) <= NAME_LENGTH_MAX:
        return name
    told_apart = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: NAME_LENGTH_MAX - HASH_LENGTH - 1].rstrip('-.')}-{told_apart}"


def extra_name(name: str) -> str:
    return short_name(name) + SUFFIX


def is_ours(extra: Workload, owner: Workload) -> bool:
    """Whether it was made for this very workload."""
    metadata = extra.metadata
    owned = any(each.uid == owner.metadata.uid for each in metadata.owner_references)
    return owned and metadata.labels.get(marks.MANAGED_BY) == marks.MANAGER


def is_edited(extra: Workload, template_digest: str | None, replicas: int | None) -> bool:
    """Whether somebody else wrote to it.

    Args:
        extra: As it was seen.
        template_digest: Its template's, where that was read.
        replicas: What we wrote last, where we remember.
    """
    given = extra.metadata.annotations.get(marks.TEMPLATE_DIGEST)
    another = template_digest is not None and template_digest != given
    return another or extra.spec.paused is True or replicas not in {None, extra.replicas}


def new_template(template: Json, order: ApplyBatch | PrepareWorkload) -> Json:
    """The workload's own template with the order's change: what the approved digest is of."""
    return changed(template, order.change) if order.change is not None else template


def with_additions(template: Json, name: str, metadata: CanaryMetadata | None) -> Json:
    """The template of the extra pods."""
    added = metadata or CanaryMetadata()
    own = template.get("metadata") or {}
    labels = {**(own.get("labels") or {}), **added.labels, marks.BESIDE: short_name(name)}
    annotations = {**(own.get("annotations") or {}), **added.annotations}
    return {**template, "metadata": _metadata(own, labels, annotations)}


def without_additions(template: Json, base: Json, metadata: CanaryMetadata | None) -> Json:
    """The same without what only the extra pods have; what was overwritten is as in `base`."""
    added = metadata or CanaryMetadata()
    own, before = template.get("metadata") or {}, base.get("metadata") or {}
    labels = _restored(own.get("labels"), before.get("labels"), {*added.labels, marks.BESIDE})
    annotations = _restored(own.get("annotations"), before.get("annotations"), added.annotations)
    return {**template, "metadata": _metadata(own, labels, annotations)}


def _metadata(own: Json, labels: Json, annotations: Json) -> Json:
    others = {name: value for name, value in own.items() if name not in {"labels", "annotations"}}
    return {**others, **({"labels": labels} if labels else {}), **({"annotations": annotations} if annotations else {})}


def _restored(own: Json | None, before: Json | None, added: Mapping[str, str] | set[str]) -> Json:
    kept = {name: value for name, value in (own or {}).items() if name not in added}
    return kept | {name: value for name, value in (before or {}).items() if name in added}


def manifest(resource: Resource, owner: Workload, spec: Json, order: ApplyBatch | PrepareWorkload) -> Json:
    """The whole object.

    Args:
        resource: Its kind, and the workload's.
        owner: The workload.
        spec: The workload's, with what is different in the extra one.
        order: For which it is made.
    """
    name = owner.metadata.name
    selector = spec.get("selector") or {}
    labels = {**(selector.get("matchLabels") or {}), marks.BESIDE: short_name(name)}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": extra_name(name),
            "labels": {marks.MANAGED_BY: marks.MANAGER, marks.BESIDE: short_name(name), **_fence(order)},
            "annotations": {marks.HELD_FOR: order.rollout},
            "ownerReferences": [
                {
                    "apiVersion": resource.api_version,
                    "kind": resource.kind,
                    "name": name,
                    "uid": owner.metadata.uid,
                    "controller": False,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {**spec, "selector": {**selector, "matchLabels": labels}},
    }


def rewriting(extra: Workload, whole: Json) -> list[Json]:
    """A JSON patch that makes it what it should be, from what was seen."""
    metadata = whole["metadata"]
    return [
        *as_seen(extra),
        {"op": "add", "path": "/metadata/labels", "value": {**extra.metadata.labels, **metadata["labels"]}},
        {
            "op": "add",
            "path": "/metadata/annotations",
            "value": {**extra.metadata.annotations, **metadata["annotations"]},
        },
        {"op": "replace", "path": "/spec", "value": whole["spec"]},
    ]


def scaling(extra: Workload, replicas: int, order: ApplyBatch) -> list[Json]:
    """A JSON patch that changes how many pods it has, from what was seen."""
    return [
        *as_seen(extra),
        {"op": "add", "path": "/metadata/labels", "value": {**extra.metadata.labels, **_fence(order)}},
        {"op": "replace", "path": "/spec/replicas", "value": replicas},
    ]


def _fence(order: ApplyBatch | PrepareWorkload) -> dict[str, str]:
    return {marks.ORDER_REVISION: str(order.revision)}

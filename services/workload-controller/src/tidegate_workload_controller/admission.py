"""The hold at admission: a guarded workload's new template is stored together with what keeps it from moving a pod.

Pure; `app` serves it as a webhook, answered from memory. Exactly the change of the template is held, and
what a workload is held by stays on it (`kept_hold`). Nothing else is touched: what scales, labels or annotates a
workload passes, and so do our own writes and a workload that has no pods to protect.
The workload is otherwise as its author wrote it; `warding` sees the mark and asks for the rollout.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from tidegate_chassis.admission import ALLOWED, AdmissionRequest, Verdict
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_workload_controller import attempts, kept_hold, marks, patches
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.releases import goes_on
from tidegate_workload_controller.saved import Saved, saved_on
from tidegate_workload_controller.seen import Workload, WorkloadSpec
from tidegate_workload_controller.template import Json, digest

KEPT: Final = (*marks.ANNOTATIONS, marks.FAILED)
"""What whoever replaces the whole object can't drop together with a change of the template."""

KEEPS: Final = "a rollout holds the workload: what is written into {} counts from its end on"
"""The warning to whoever writes what holds a workload."""


class _Spec(WorkloadSpec, frozen=True):
    template: msgspec.Raw = msgspec.Raw(b"{}")


class _Written(Workload, frozen=True):
    """An object of a review: read once, and its template only where that differs."""

    spec: _Spec = _Spec()


_WRITTEN: Final = msgspec.json.Decoder(_Written)
_TEMPLATE: Final = msgspec.json.Decoder(Json)

Watched = Callable[[WorkloadKey], tuple[GuardSet, Anatomy] | None]
"""A workload's guard, and what its kind is made of; None where it is not guarded."""


def judge(request: AdmissionRequest, cluster: str, watched: Watched) -> Verdict:
    """What has to be added to a write.

    Args:
        request: The write that waits.
        cluster: Our own cluster's name.
        watched: Finds the guard.
    """
    if request.operation != "UPDATE" or request.sub_resource or _is_ours(request):
        return ALLOWED
    reference = WorkloadReference(name=request.name, kind=request.kind.kind, api_version=request.kind.api_version)
    found = watched(WorkloadKey.of(cluster, request.namespace, reference))
    if found is None:
        return ALLOWED
    guard, anatomy = found
    before, after = _WRITTEN.decode(request.old_object), _WRITTEN.decode(request.object)
    if not _changes_template(before.spec.template, after.spec.template):
        return _kept(guard, anatomy, before, after)
    if _is_spared(guard, before, after):
        return ALLOWED
    return Verdict(patch=tuple(_patch(request, guard, anatomy, before, after)))


def _kept(guard: GuardSet, anatomy: Anatomy, before: Workload, after: Workload) -> Verdict:
    """What holds the workload stays on it."""
    hold = anatomy.hold(before.metadata.annotations.get(marks.STYLE, guard.request.style))
    body = kept_hold.kept(hold, before, after)
    if body is None:
        return ALLOWED
    return Verdict(
        patch=tuple(patches.changes(_with_marks(body, before, after), after)), warnings=(KEEPS.format(hold.described),)
    )


def _is_spared(guard: GuardSet, before: Workload, after: Workload) -> bool:
    """Whether a change of the template passes all the same."""
    if after.spec.replicas == 0 and saved_on(before) is None:
        return True
    return goes_on(before.metadata, after.metadata, guard)


def _is_ours(request: AdmissionRequest) -> bool:
    return request.options is not None and request.options.field_manager == marks.FIELD_MANAGER


def _changes_template(before: msgspec.Raw, after: msgspec.Raw) -> bool:
    return bytes(before) != bytes(after) and digest(_TEMPLATE.decode(before)) != digest(_TEMPLATE.decode(after))


def _patch(
    request: AdmissionRequest, guard: GuardSet, anatomy: Anatomy, before: Workload, after: Workload
) -> list[patches.Body]:
    annotations = before.metadata.annotations
    style = annotations.get(marks.STYLE, guard.request.style)
    hold = anatomy.hold(style)
    saved = _own_values(before, after)
    attempt = attempts.following(request.uid, annotations.get(marks.HELD)).value
    body = patches.closed(hold, saved or hold.save(after), style, attempt)
    return patches.changes(_with_marks(body, before, after), after)


def _with_marks(body: patches.Body, before: Workload, after: Workload) -> patches.Body:
    """A body that brings our marks back, too."""
    kept = {name: value for name, value in before.metadata.annotations.items() if name in KEPT}
    annotations = {**_lost(kept, after.metadata.annotations), **body["metadata"]["annotations"]}
    kept_labels = {name: value for name, value in before.metadata.labels.items() if name in marks.LABELS}
    labels = _lost(kept_labels, after.metadata.labels)
    return {**body, "metadata": {"annotations": annotations, "labels": labels}}


def _lost(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in before.items() if name not in after}


def _own_values(before: Workload, after: Workload) -> Saved | None:
    """What was saved when the workload was held first; None where it stands on the workload as it is now written.

    Whoever replaces the whole object drops our marks with it: they come back, and what was saved with them.
    """
    saved = saved_on(after) or saved_on(before)
    return None if saved is None or saved.nothing else saved

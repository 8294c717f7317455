"""The template that a rollout took back from a guarded workload: remembered on it, so that it isn't tried for ever.

A tool that keeps a workload as Git has it puts the failed template there again at its own pace. `release` and
`backwards` note what they take back, in the annotation `marks.FAILED` beside the label that says what stands rightly;
`held_change` has the same template wait for somebody when it comes again. Pure. Whatever else is released to its end
forgets it, and so does the stable template where somebody writes it. It stands on the workload: no copy remembers it.
"""

from typing import Any, NamedTuple

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_workload_controller import marks
from tidegate_workload_controller.releases import template_part
from tidegate_workload_controller.seen import View

SEPARATOR = "."
"""Between a digest, which has none, and a rollout's id, which may."""


class Failure(NamedTuple):
    template: str
    rollout: str
    """What took it back: its history tells why."""


def failure_on(metadata: ObjectMeta) -> Failure | None:
    template, _, rollout = metadata.annotations.get(marks.FAILED, "").partition(SEPARATOR)
    return Failure(template, rollout) if template and rollout else None


def failed_before(view: View) -> Failure | None:
    """The failure of just the template that stands on the workload now."""
    failure = failure_on(view.workload.metadata)
    same = failure is not None and failure.template == template_part(view.template_digest or "")
    return failure if same else None


def noted(body: dict[str, Any], view: View, rollout: str) -> dict[str, Any]:
    """A body that takes the template back, with the note; a change that no rollout has taken up did not fail."""
    metadata = view.workload.metadata
    if marks.GUARDED not in metadata.labels or marks.HELD in metadata.annotations or view.template_digest is None:
        return body
    return _with(body, f"{template_part(view.template_digest)}{SEPARATOR}{rollout}")


def forgotten(body: dict[str, Any], view: View, *, besides: str = "") -> dict[str, Any]:
    """A body without the note, unless this rollout made it itself."""
    failure = failure_on(view.workload.metadata)
    kept = failure is not None and failure.rollout == besides
    return body if kept or marks.FAILED not in view.workload.metadata.annotations else _with(body, None)


def _with(body: dict[str, Any], value: str | None) -> dict[str, Any]:
    annotations = {**body["metadata"]["annotations"], marks.FAILED: value}
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}

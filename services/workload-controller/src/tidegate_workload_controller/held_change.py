"""What becomes of a guarded workload's template, now that it was seen. Pure; `warding` carries it out.

A held change is asked to be rolled out, once, under an id of its own; one that failed before waits for somebody. One
that leads back to the stable version while its rollout is under way is that rollout's end. A change that nobody held is
held now, late, unless it is all over.
"""

import hashlib
from typing import Final

import msgspec
from msgspec.structs import replace

from tidegate_contracts.codec import encode
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.problem import printable
from tidegate_contracts.rollout import RolloutRequested
from tidegate_workload_controller import attempts, failures, marks, patches
from tidegate_workload_controller.attempts import Attempt
from tidegate_workload_controller.census import revision_of
from tidegate_workload_controller.failures import Failure
from tidegate_workload_controller.hold import own_values
from tidegate_workload_controller.patches import Body
from tidegate_workload_controller.releases import Standing, goes_on, release_part, standing_on, template_part
from tidegate_workload_controller.seen import View

LATE: Final = "late"
"""What the id of a change begins with that had slipped past admission; the API server's own are hexadecimal."""

WISH_LENGTH: Final = 4
"""Characters of the guard's digest in a rollout's id: a guard that was mended asks anew for the change that waits."""


class Ask(msgspec.Struct, frozen=True):
    request: RolloutRequested


class GoBack(msgspec.Struct, frozen=True):
    rollout: str
    attempt: str
    reason: str
    body: Body | None = None
    """What gives the workload back, where that rollout has not taken it up."""


class Write(msgspec.Struct, frozen=True):
    """A patch of the workload as it was seen, and why."""

    body: Body
    reason: str


class Nothing(msgspec.Struct, frozen=True):
    """All is as it should be."""


Step = Ask | GoBack | Write | Nothing


def decide(view: View, guard: GuardSet) -> Step:
    """The next step for a workload that was read live, with its template."""
    metadata = view.workload.metadata
    assert view.template_digest is not None, "it was read live"
    attempt = metadata.annotations.get(marks.HELD)
    if attempt is not None:
        return _take_up(view, guard, attempts.read(attempt))
    standing, now = standing_on(metadata), _now(view, guard)
    if standing is None:
        return Write(_labelled(now.value), "the workload is guarded from now on")
    if standing.template == now.template:
        return _named(view, standing, now)
    if goes_on(metadata, metadata, guard):
        return Write(_labelled(now.value), "the template is another one of the same release")
    if view.workload.replicas == 0 or _is_over(view):
        return Write(_labelled(now.template), "a change had slipped past admission, and is everywhere already")
    return Write(_hold_late(view, guard), "a change had slipped past admission")


def _now(view: View, guard: GuardSet) -> Standing:
    assert view.template_digest is not None, "it was read live"
    return Standing(template_part(view.template_digest), release_part(view.workload.metadata, guard))


def _named(view: View, standing: Standing, now: Standing) -> Step:
    """The template stands rightly, and is noted to be its release's while that is rolled out, unless it goes back."""
    annotations = view.workload.metadata.annotations
    stable = view.digests.get(annotations.get(marks.STABLE_REVISION, ""))
    rolled_out = marks.ROLLOUT in annotations and stable != view.template_digest
    if standing == now or not rolled_out:
        return Nothing()
    return Write(_labelled(now.value), "the release that is rolled out has a name")


def leave(view: View) -> Write | Nothing:
    """What is left to do once the guard was removed: a change that no rollout took up moves by itself."""
    metadata = view.workload.metadata
    body: Body = {"metadata": {"annotations": {}}, "spec": {}}
    if marks.HELD in metadata.annotations and marks.ROLLOUT not in metadata.annotations:
        body = patches.given_back(view.hold, own_values(view.hold, view.workload))
    elif marks.GUARDED not in metadata.labels:
        return Nothing()
    body = failures.forgotten(body, view)
    return Write(patches.with_labels(body, {marks.GUARDED: None}), "the guard was removed")


def _take_up(view: View, guard: GuardSet, attempt: Attempt) -> Step:
    annotations = view.workload.metadata.annotations
    rollout, stable = annotations.get(marks.ROLLOUT), annotations.get(marks.STABLE_REVISION, "")
    author = f"the template was changed by {printable(view.changed_by or 'somebody')}"
    back = f"{author}, back to the stable one"
    if rollout is not None and view.digests.get(stable) == view.template_digest:
        return GoBack(rollout, attempt.id, back)
    if rollout is None and _is_back(view):
        body = failures.forgotten(patches.given_back(view.hold, own_values(view.hold, view.workload)), view)
        return GoBack(_id(attempt.former or attempt.id, guard), attempt.id, back, body)
    return Ask(_request(view, guard, attempt, author))


def _is_back(view: View) -> bool:
    """Whether the change was undone before a rollout took it up: then the label still tells of the stable template."""
    standing = standing_on(view.workload.metadata)
    return standing is not None and standing.template == template_part(view.template_digest or "")


def _id(attempt: str, guard: GuardSet) -> str:
    return f"g-{attempt}-{hashlib.sha256(encode(guard)).hexdigest()[:WISH_LENGTH]}"


def _request(view: View, guard: GuardSet, attempt: Attempt, author: str) -> RolloutRequested:
    failure = failures.failed_before(view)
    return replace(
        guard.request,
        rollout=_id(attempt.id, guard),
        requested_by=guard.request.requested_by or guard.by,
        reason=f"{author}; {_late(view)}" if attempt.id.startswith(LATE) else author,
        pod_labels=guard.request.pod_labels | _release(view, guard),
        paused_because=_again(failure) if failure is not None else guard.request.paused_because,
    )


def _release(view: View, guard: GuardSet) -> dict[str, str]:
    """The release's name as the workload's author wrote it, where there is one."""
    name = view.workload.metadata.labels.get(guard.release_label, "")
    return {guard.release_label: name} if name else {}


def _again(failure: Failure) -> str:
    return f"this version failed already, in rollout {failure.rollout}: resume it to try once more, or change it"


def _late(view: View) -> str:
    assert view.template_digest is not None, "it was read live"
    new = revision_of(view, view.template_digest)
    there = sum(view.revision_of(pod) == new for pod in view.pods if pod.alive)
    return f"held late, with {there} of {view.workload.replicas} pods new already: the admission webhook was not asked"


def _is_over(view: View) -> bool:
    """Whether the native controller has brought the template everywhere, and nobody of us holds anything."""
    return view.workload.complete and not view.workload.is_marked


def _hold_late(view: View, guard: GuardSet) -> Body:
    metadata = view.workload.metadata
    told_apart = hashlib.sha256(f"{metadata.uid}:{metadata.generation}".encode()).hexdigest()
    attempt = f"{LATE}{told_apart}"[: attempts.LENGTH]
    style = metadata.annotations.get(marks.STYLE, guard.request.style)
    return patches.closed(view.hold, own_values(view.hold, view.workload), style, attempt)


def _labelled(value: str) -> Body:
    return {"metadata": {"annotations": {}, "labels": {marks.GUARDED: value}}, "spec": {}}

"""Which template of a guarded workload stands rightly, and for which release: the value of the label `marks.GUARDED`.

A guard may name an annotation by which a workload's author tells releases apart. As long as its value stays, other
templates belong to the release that was rolled out, and pass untouched. Pure; `admission` and `held_change` ask it,
`patches` writes the template's part. The release's part is there only where that release was rolled out to its end, or
was found: after a rollback the same failed template under the same name is held again.
"""

import hashlib
from typing import Final, NamedTuple

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.guards import GuardSet
from tidegate_workload_controller import marks

DIGEST_LENGTH: Final = 16
"""Characters of a digest that a label's value holds: enough to tell one workload's templates apart."""
SEPARATOR: Final = "."


class Standing(NamedTuple):
    template: str
    release: str = ""

    @property
    def value(self) -> str:
        return f"{self.template}{SEPARATOR}{self.release}" if self.release else self.template


def standing_on(metadata: ObjectMeta) -> Standing | None:
    """What the label says; None on a workload that is not guarded yet."""
    value = metadata.labels.get(marks.GUARDED)
    if value is None:
        return None
    template, _, release = value.partition(SEPARATOR)
    return Standing(template, release)


def template_part(template_digest: str) -> str:
    return template_digest[:DIGEST_LENGTH]


def release_part(metadata: ObjectMeta, guard: GuardSet) -> str:
    """Of the release that the workload is marked with; empty where its template is all that tells."""
    named = metadata.annotations.get(guard.release_annotation, "")
    return hashlib.sha256(named.encode()).hexdigest()[:DIGEST_LENGTH] if named else ""


def goes_on(before: ObjectMeta, after: ObjectMeta, guard: GuardSet) -> bool:
    """Whether another template is the same release still; never while a rollout holds the workload."""
    standing, release = standing_on(before), release_part(after, guard)
    named = bool(release) and release_part(before, guard) == release
    held = any(mark in before.annotations for mark in marks.ANNOTATIONS)
    return named and standing is not None and standing.release == release and not held

"""Standing wishes: whatever changes this workload's template, roll it out like this. One message per workload stands.

Written by the rollout-operator for each `Rollout`, or by anyone allowed (`tidegate guard`); the workload-controller
reads them, holds a guarded workload's change at admission, and asks for the rollout that adopts it.
"""

from typing import Final

import msgspec

from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.workload import WorkloadReference

BY_THE_GUARD: Final = "the guard"
"""Who tells a rollout to go back whose workload was written with the stable template again."""


class GuardSet(msgspec.Struct, frozen=True, kw_only=True, tag="guard.set.v1"):
    """From now on, changes of the workload's pod template are held and rolled out."""

    request: RolloutRequested
    """What is asked for then. It names neither a change, which the workload itself brings, nor an id."""
    release_annotation: str = ""
    """An annotation of the workload by whose value its author tells releases apart: while it stays, another template is
    no new one, and passes untouched. Where it is not named here, or not on the workload, the template tells."""
    release_label: str = ""
    """A label that the workload may have, and that each of its new pods gets as it stands there: the release's name."""
    by: str = ""
    """Who asks, for the record."""

    @property
    def about(self) -> WorkloadReference:
        return self.request.workload


class GuardRemoved(msgspec.Struct, frozen=True, kw_only=True, tag="guard.removed.v1"):
    """Nobody guards the workload any more; a rollout that is under way goes on."""

    workload: WorkloadReference
    by: str = ""

    @property
    def about(self) -> WorkloadReference:
        return self.workload


Guard = GuardSet | GuardRemoved

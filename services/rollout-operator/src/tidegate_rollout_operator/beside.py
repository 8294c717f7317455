"""What goes along with a Rollout's releases: the TrafficRouting that they hold, their mirror, and their histories.

Made by `app`, called by `reconcile` around the Rollout's own status. What stands is looked at before the release's
history is read: so a write of a copy that knew more of it makes ours a conflict.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tidegate_rollout_operator.batch_release import BatchRelease, Versions
from tidegate_rollout_operator.holding import Holding
from tidegate_rollout_operator.identities import Identity
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.mirroring import Mirror
from tidegate_rollout_operator.naming import names
from tidegate_rollout_operator.recording import Recorder
from tidegate_rollout_operator.traffic_routing import Routing
from tidegate_rollout_operator.view import View


class Seen(NamedTuple):
    """What stood before the history was read."""

    mirror: BatchRelease | None
    routings: Sequence[Routing]


class Beside:
    def __init__(self, mirror: Mirror, recorder: Recorder, holding: Holding) -> None:
        self._mirror = mirror
        self._recorder = recorder
        self._holding = holding

    def seen(self, rollout: Rollout) -> Seen:
        return Seen(self._mirror.standing(rollout), self._holding.standing(rollout))

    async def before(self, rollout: Rollout, view: View, workload: Identity, seen: Seen) -> None:
        """What has to be done before the Rollout's status tells of it, or the Rollout is gone."""
        await self._holding.hold(rollout, view, seen.routings)
        if rollout.leaving:
            await self._recorder.record(rollout, view, versions(rollout, view, workload).release)

    def is_held(self, rollout: Rollout) -> bool:
        """Whether the TrafficRouting that its release waits for is held for it."""
        return self._holding.is_held(rollout)

    def conditions(self, rollout: Rollout, now_s: float) -> list[dict[str, Any]]:
        """What the Rollout's status tells of it."""
        return self._holding.conditions(rollout, now_s)

    async def after(self, rollout: Rollout, view: View, workload: Identity, seen: Seen) -> None:
        """What is for eyes."""
        told = versions(rollout, view, workload)
        await self._mirror.show(rollout, view, told, seen.mirror)
        if not rollout.leaving:
            await self._recorder.record(rollout, view, told.release)


def versions(rollout: Rollout, view: View, workload: Identity) -> Versions:
    """As the Rollout's status names them."""
    found = names(rollout, view, workload, edited=True)
    updated = found.get("updatedRevision") or found.get("canaryRevision") or ""
    return Versions(release=found["observedRolloutID"], stable=found["stableRevision"], updated=updated)

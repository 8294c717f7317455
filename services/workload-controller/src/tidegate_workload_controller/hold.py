"""How a kind of workload is told how far to go: the border between what is decided for all kinds, and one kind.

`convergence`, `parking`, `returning` and `release` decide the same for every kind, by asking a `Hold`: what of the
workload it needs for itself, what a batch means in it, and what gives the workload back. `budget_hold` holds
Deployments, `partition_hold` what has a partition, `deletion_hold` what knows neither. All of it is pure.
"""

from typing import Any, Protocol

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller.saved import Saved, saved_on
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.seen import View, Workload

Fields = dict[str, Any]
"""Fields of a workload's `spec` with their whole new values; None for those that are to be absent."""


class Hold(Protocol):
    """One way to hold workloads; a `setting` is its own, and compared by value."""

    described: str
    """The fields that the hold needs for itself, for people."""

    def save(self, workload: Workload) -> Saved:
        """The user's own values of these fields."""
        ...

    def min_ready_s(self, workload: Workload, saved: Saved) -> int:
        """How long the user wants a new pod to be ready before it counts."""
        ...

    def fields(self, setting: Any, saved: Saved) -> Fields:
        """The hold, set as far as `setting` says."""
        ...

    def closed(self, saved: Saved) -> Fields:
        """Not a pod moves, whatever the template says: what a change is held with before a rollout takes it up."""
        ...

    def setting(self, workload: Workload) -> Any:
        """How far the native controller may go now."""
        ...

    def stands(self, workload: Workload, saved: Saved) -> bool:
        """Whether the hold is on, whatever its setting is."""
        ...

    def moving(self, saved: Saved) -> Fields:
        """Free to move, within the user's own limits, wherever the template leads."""
        ...

    def moves_freely(self, workload: Workload, saved: Saved) -> bool:
        """Whether that is how it stands."""
        ...

    def own(self, saved: Saved) -> Fields:
        """The user's own values."""
        ...

    def finishes(self, saved: Saved) -> bool:
        """Whether the user's own values bring a workload with pods of two revisions to one by themselves."""
        ...

    def partition(self, workload: Workload) -> Any:
        """A partition that stands on the workload and keeps pods back; None for none."""
        ...

    def surges(self, workload: Workload, saved: Saved) -> bool:
        """Whether the user's own values let a new pod come before an old one goes."""
        ...

    def look(
        self, order: ApplyBatch, view: View, saved: Saved, *, new: str | None, now_s: float, first: bool = False
    ) -> Scene:
        """See a view as an order's scene.

        Args:
            order: What should be true.
            view: The workload.
            saved: The user's own values.
            new: The revision that is being rolled out, where it exists.
            now_s: Epoch seconds.
            first: Whether the setting that stands is not one of ours.
        """
        ...

    def obstacles(self, view: View, revision: str) -> tuple[tuple[str, str], ...]:
        """Pods, by name and uid, that keep the native controller from making `revision` the only one, for ever."""
        ...


def own_values(hold: Hold, workload: Workload) -> Saved:
    """The user's own values: those that were saved, or those that stand where nothing had to be saved.

    Where somebody made the saved ones unreadable, Kubernetes' own defaults are the best that can be told.
    """
    saved = saved_on(workload)
    if saved is not None:
        return hold.save(workload) if saved.nothing else saved
    return hold.save(Workload() if workload.is_marked else workload)

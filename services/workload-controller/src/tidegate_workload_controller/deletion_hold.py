"""DaemonSets, which know no partition: they update nothing by themselves while held, and we remove the pods of a batch.

The `Hold` of the native DaemonSet, and the one place where pods are deleted to move a batch, since no native budget can
say how far: while `OnDelete` stands, the native controller makes a pod anew, at the new revision, where one is deleted.
Never more are removed than the user's own maxUnavailable lets be missing; docs/kinds.md says what it can't keep. Pure.
"""

from typing import Any, Final

import msgspec

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller.batch import held_back, rounded_up
from tidegate_workload_controller.budgets import scaled
from tidegate_workload_controller.census import Census, count
from tidegate_workload_controller.hold import Fields
from tidegate_workload_controller.partition_hold import ON_DELETE, ROLLING
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.seen import Pod, View, Workload
from tidegate_workload_controller.symptoms import symptoms

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
"""Kubernetes' own annotation: pods with a lower number are to go first."""


class Still(msgspec.Struct, frozen=True):
    """The only setting there is."""

    type: str = ON_DELETE


class DeletionHold:
    described = "updateStrategy"

    def save(self, workload: Workload) -> Saved:
        return Saved(update_strategy=workload.spec.update_strategy)

    def min_ready_s(self, workload: Workload, saved: Saved) -> int:
        del saved
        return workload.spec.min_ready_seconds or 0

    def fields(self, setting: Still, saved: Saved) -> Fields:
        del saved
        return {"updateStrategy": {"type": setting.type}}

    def closed(self, saved: Saved) -> Fields:
        return self.fields(Still(), saved)

    def setting(self, workload: Workload) -> Still:
        return Still(workload.spec.update_strategy.get("type", ROLLING))

    def stands(self, workload: Workload, saved: Saved) -> bool:
        del saved
        return self.setting(workload) == Still()

    def moving(self, saved: Saved) -> Fields:
        """Within the user's limits, or the native ones of one pod at a time where the user's are none."""
        rolling = saved.update_strategy.get("rollingUpdate")
        return {"updateStrategy": {"type": ROLLING, **({"rollingUpdate": rolling} if rolling else {})}}

    def moves_freely(self, workload: Workload, saved: Saved) -> bool:
        del saved
        return self.setting(workload).type == ROLLING

    def own(self, saved: Saved) -> Fields:
        return {"updateStrategy": saved.update_strategy or None}

    def finishes(self, saved: Saved) -> bool:
        return saved.update_strategy.get("type") != ON_DELETE

    def partition(self, workload: Workload) -> Any:
        """None: a DaemonSet knows none."""
        del workload

    def surges(self, workload: Workload, saved: Saved) -> bool:
        del workload, saved
        return False

    def look(
        self, order: ApplyBatch, view: View, saved: Saved, *, new: str | None, now_s: float, first: bool = False
    ) -> Scene:
        del first
        min_ready_s = self.min_ready_s(view.workload, saved)
        census = count(view, new=new, stable=order.stable_revision, min_ready_s=min_ready_s, now_s=now_s)
        pods = rounded_up(order.target, census.replicas)
        goal = held_back(pods, order, census.replicas)
        return Scene(
            order=order,
            census=census,
            goal=goal,
            pods=pods,
            ailments=symptoms(census.new, [each for each in view.revisions if each.name == new]),
            standing=self.setting(view.workload),
            wanted=Still(),
            first=Still(),
            removals=_removals(view, saved, census, goal, new) if new is not None else (),
        )

    def obstacles(self, view: View, revision: str) -> tuple[tuple[str, str], ...]:
        """None: pods that aren't ready go first."""
        del view, revision
        return ()


def _removals(view: View, saved: Saved, census: Census, goal: int, new: str) -> tuple[tuple[str, str], ...]:
    """The next pods to go: those that serve nobody first, then as many as may be missing now."""
    coming = max(census.replicas - census.alive, 0)
    lacking = goal - len(census.new) - coming
    old = sorted((pod for pod in view.pods if pod.alive and view.revision_of(pod) != new), key=_order)
    broken = [pod for pod in old if pod.ready_since_s is None]
    serving = [pod for pod in old if pod.ready_since_s is not None]
    missing = census.replicas - len(serving) - census.available
    may_go = max(most_missing(saved.update_strategy, census.replicas) - missing, 0)
    chosen = [*broken, *serving[:may_go]][: max(lacking, 0)]
    return tuple((pod.metadata.name, pod.metadata.uid) for pod in chosen)


def most_missing(strategy: dict[str, Any], replicas: int) -> int:
    """The user's own maxUnavailable in pods, rounded up as is native; one where there is none, or none but a surge."""
    amount = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
    return max(scaled(amount, replicas, up=True), 1)


def _order(pod: Pod) -> tuple[int, float, str]:
    """Cheaper ones first, then the youngest."""
    cost = pod.metadata.annotations.get(DELETION_COST, "0")
    return (int(cost) if cost.lstrip("-").isdecimal() else 0, -(pod.ready_since_s or 0.0), pod.metadata.name)

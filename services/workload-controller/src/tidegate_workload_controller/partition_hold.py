"""Workloads with a partition: so many pods stay on the stable revision, whatever their native controller does.

The `Hold` of CloneSets and of StatefulSets of all makes; `partitions` says how many that is. Old pods go as fast as the
user's own maxUnavailable (or maxSurge) lets them: the native controller's business. Pure.
"""

from typing import Any, Final

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller.batch import held_back, least_ready, rounded_up
from tidegate_workload_controller.budgets import Amount
from tidegate_workload_controller.census import Census, count
from tidegate_workload_controller.hold import Fields
from tidegate_workload_controller.partitions import Partition, Places
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.seen import View, Workload
from tidegate_workload_controller.symptoms import symptoms

ROLLING: Final = "RollingUpdate"
ON_DELETE: Final = "OnDelete"


class PartitionHold:
    """Args:
    places: How this kind chooses which pods stay behind the partition.
    nested: Whether the partition stands in `rollingUpdate`, as in all kinds but the CloneSet.
    """

    described = "updateStrategy"

    def __init__(self, places: Places, *, nested: bool) -> None:
        self._places = places
        self._nested = nested

    def save(self, workload: Workload) -> Saved:
        return Saved(update_strategy=workload.spec.update_strategy)

    def min_ready_s(self, workload: Workload, saved: Saved) -> int:
        own = workload.spec.min_ready_seconds
        return own or int(self._budgets(saved.update_strategy).get("minReadySeconds") or 0)

    def fields(self, setting: Partition, saved: Saved) -> Fields:
        return {"updateStrategy": self._with(saved.update_strategy, setting.amount)}

    def closed(self, saved: Saved) -> Fields:
        return self.fields(Partition(self._places.everything), saved)

    def setting(self, workload: Workload) -> Partition:
        return Partition(self._amount(workload.spec.update_strategy))

    def stands(self, workload: Workload, saved: Saved) -> bool:
        """The user's own limits may change meanwhile: they bound how fast it goes, not how far."""
        standing, wanted = workload.spec.update_strategy, self.moving(saved)["updateStrategy"]
        return standing.get("type") == wanted.get("type") and not self._budgets(standing).get("paused")

    def moving(self, saved: Saved) -> Fields:
        return self.fields(Partition(self._places.nothing), saved)

    def moves_freely(self, workload: Workload, saved: Saved) -> bool:
        return self.stands(workload, saved) and not self._places.blocks(self.setting(workload).amount)

    def own(self, saved: Saved) -> Fields:
        return {"updateStrategy": saved.update_strategy or None}

    def finishes(self, saved: Saved) -> bool:
        budgets = self._budgets(saved.update_strategy)
        stays = self._places.blocks(self._amount(saved.update_strategy)) or bool(budgets.get("paused"))
        return not stays and saved.update_strategy.get("type") != ON_DELETE

    def partition(self, workload: Workload) -> Any:
        amount = self.setting(workload).amount
        return amount if self._places.blocks(amount) else None

    def surges(self, workload: Workload, saved: Saved) -> bool:
        del workload
        return (self._budgets(saved.update_strategy).get("maxSurge") or 0) not in {0, "0%"}

    def look(
        self, order: ApplyBatch, view: View, saved: Saved, *, new: str | None, now_s: float, first: bool = False
    ) -> Scene:
        min_ready_s = self.min_ready_s(view.workload, saved)
        census = count(view, new=new, stable=order.stable_revision, min_ready_s=min_ready_s, now_s=now_s)
        pods = rounded_up(order.target, census.replicas)
        goal = held_back(pods, order, census.replicas)
        standing = self.setting(view.workload)
        wanted = self._wanted(order, view, census, goal)
        return Scene(
            order=order,
            census=census,
            goal=goal,
            pods=pods,
            ailments=symptoms(census.new, [each for each in view.revisions if each.name == new]),
            standing=standing,
            wanted=wanted,
            first=wanted if first else standing,
            removals=self._removals(order, view, new, wanted),
        )

    def obstacles(self, view: View, revision: str) -> tuple[tuple[str, str], ...]:
        return self._places.obstacles(view, revision)

    def _wanted(self, order: ApplyBatch, view: View, census: Census, goal: int) -> Partition:
        """Once at rest it stays so, whether or not its pods stay ready, for as long as they are there."""
        if census.replicas == 0:
            return Partition(self._places.everything)
        resting = self._places.partition(order.target, view, census, goal, at_rest=True)
        ready = census.available >= least_ready(order, goal) or self.setting(view.workload) == resting
        if order.settle and len(census.new) >= goal and ready:
            return resting
        return self._places.partition(order.target, view, census, goal, at_rest=False)

    def _removals(
        self, order: ApplyBatch, view: View, new: str | None, wanted: Partition
    ) -> tuple[tuple[str, str], ...]:
        """What isn't ready and has to be replaced anyway, of this batch or of a superseded version.

        Going back, that is whatever isn't ready: made anew behind the partition, a pod is of the stable version, too.
        """
        if new is None or wanted != self.setting(view.workload):
            return ()
        if order.going_back:
            return self._places.obstacles(view, new)
        stable = {pod.metadata.uid for pod in view.pods if view.revision_of(pod) == order.stable_revision}
        least = wanted.amount if isinstance(wanted.amount, int) else 0
        within = self._places.obstacles(view, new, least)
        return within + tuple(
            each for each in self._places.obstacles(view, new) if each not in within and each[1] not in stable
        )

    def _budgets(self, strategy: dict[str, Any]) -> dict[str, Any]:
        return (strategy.get("rollingUpdate") or {}) if self._nested else strategy

    def _amount(self, strategy: dict[str, Any]) -> Amount:
        amount: Amount | None = self._budgets(strategy).get(self._places.field)
        return self._places.nothing if amount is None else amount

    def _with(self, strategy: dict[str, Any], amount: Amount) -> dict[str, Any]:
        """The user's own strategy, with our partition and nothing that keeps it from being used."""
        budgets = {name: value for name, value in self._budgets(strategy).items() if name != "paused"}
        if not self._nested:
            return {**budgets, self._places.field: amount}
        return {"type": ROLLING, "rollingUpdate": {**budgets, self._places.field: amount}}

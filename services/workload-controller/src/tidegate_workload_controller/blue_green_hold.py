"""Deployments that grow by the new pods, while every stable one stays: docs/styles.md.

The `Hold` of the style blue_green: the same fields as in `budget_hold`, but only a surge is ever allowed. It is written
as the step's own percentage, so that it follows every change of `replicas` natively. Pure.
"""

from typing import Final

from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_workload_controller.batch import rounded_up
from tidegate_workload_controller.budget_hold import BudgetHold, rolling
from tidegate_workload_controller.budgets import Budget, budget_of
from tidegate_workload_controller.census import count
from tidegate_workload_controller.hold import Fields
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.seen import View, Workload
from tidegate_workload_controller.symptoms import symptoms

WHOLE: Final = "100%"


class BlueGreenHold(BudgetHold):
    def moving(self, saved: Saved) -> Fields:
        """With room for all pods of both versions.

        A Deployment that is scaled down while both are there takes what is too many from each, by their sizes: with
        less room than that, pods that the new scale needs, and that carry the traffic.
        """
        unavailable = budget_of(saved.strategy).unavailable
        return {**super().moving(saved), "strategy": rolling(Budget(WHOLE, unavailable))}

    def surges(self, workload: Workload, saved: Saved) -> bool:
        """Whatever the user's own values are: theirs count again from the promotion on."""
        del workload, saved
        return True

    def look(
        self, order: ApplyBatch, view: View, saved: Saved, *, new: str | None, now_s: float, first: bool = False
    ) -> Scene:
        del first
        min_ready_s = self.min_ready_s(view.workload, saved)
        census = count(view, new=new, stable=order.stable_revision, min_ready_s=min_ready_s, now_s=now_s)
        goal = rounded_up(order.target, census.replicas)
        surge = _surge(order.target)
        # New pods beyond the batch are never taken back natively: a lower surge would only distort how they are scaled.
        stays = census.scaling or census.new_told > goal
        return Scene(
            order=order,
            census=census,
            goal=goal,
            pods=goal,
            ailments=symptoms(census.new, [each for each in view.revisions if each.name == new]),
            standing=self.setting(view.workload),
            wanted=None if stays else surge,
            first=surge,
            keeps_stable=True,
        )


def _surge(target: Target) -> Budget:
    return Budget(f"{target.percent}%" if target.percent is not None else target.count or 0, 0)

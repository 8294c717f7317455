"""Squads of `squads.example.com` as a kind of workload: all that Tidegate has to be told about them.

Found by its entry point when the workload-controller starts. A Squad has no partition but its mirror image,
`updateStrategy.newPods`: so many pods may run the newest template, and any number where it is absent.
"""

from typing import Final

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.orders import Target
from tidegate_workload_controller.budgets import Amount
from tidegate_workload_controller.census import Census
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.revisioned import Revisioned
from tidegate_workload_controller.partition_hold import PartitionHold
from tidegate_workload_controller.partitions import Partition, Places
from tidegate_workload_controller.seen import View

ANY_NUMBER: Final = 2_147_483_647


class NewPods(Places):
    """Said the other way round: what stays behind is what may not be new."""

    field = "newPods"
    everything: Amount = 0
    nothing: Amount = ANY_NUMBER

    def partition(self, target: Target, view: View, census: Census, goal: int, *, at_rest: bool) -> Partition:
        """A number of pods that holds by itself, whatever is scaled or lost: at rest there is nothing to add."""
        del target, view, census, at_rest
        return Partition(goal)


class Squads(Revisioned):
    anatomy = Anatomy(
        resource=Resource("squads.example.com", "v1", "squads", "Squad"),
        holds={"partition": PartitionHold(NewPods(), nested=False)},
        revision_label="squads.example.com/template",
        merges_strategically=False,
    )

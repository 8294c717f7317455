"""One look at a held workload, with all the numbers that a decision needs.

Pure; a `hold` makes it from an order and a view, and `convergence` reads its answers from it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tidegate_contracts.orders import ApplyBatch
from tidegate_contracts.rollout import BATCH
from tidegate_workload_controller import batches, marks
from tidegate_workload_controller.actions import LabelPods, Progress
from tidegate_workload_controller.batch import least_ready, rounded_up
from tidegate_workload_controller.batches import PodsOf
from tidegate_workload_controller.census import Census
from tidegate_workload_controller.symptoms import Symptom


class Scene(msgspec.Struct, frozen=True):
    """What an order meets.

    Args:
        order: What should be true.
        census: Who is there.
        goal: New pods that the batch can be made of now.
        pods: What the target asks for; the goal is less where stable pods have to stay.
        ailments: Why new pods are not ready.
        standing: The setting that stands on the workload.
        wanted: The setting that should; None: the one that does.
        first: The setting of the first write, which must say something even where nothing is to move.
        keeps_stable: Whether every stable pod stays, so that a ready batch is a settled one.
        removals: Pods to remove, by name and uid, where no setting makes the native controller do it.
        pods_of: What targets mean to the hold.
    """

    order: ApplyBatch
    census: Census
    goal: int
    pods: int
    ailments: tuple[Symptom, ...]
    standing: Any
    wanted: Any
    first: Any
    keeps_stable: bool = False
    removals: tuple[tuple[str, str], ...] = ()
    pods_of: PodsOf = rounded_up

    @property
    def ready(self) -> bool:
        enough = len(self.census.new) >= self.goal and self.census.available >= self.least_ready
        return enough and not self.census.scaling and not self.census.unseen

    @property
    def least_ready(self) -> int:
        """New pods that have to be ready."""
        return least_ready(self.order, self.goal)

    @property
    def settled(self) -> bool:
        """Whether the stable pods have shrunk to the rest, to those that have to stay, or stand in for failed ones."""
        failed = max(self.goal - self.census.available, 0)
        return self.keeps_stable or is_settled(self.order, self.census, failed)

    @property
    def impossible(self) -> bool:
        """Whether not a single new pod can come while the stable ones stay that have to."""
        return self.goal == 0 and self.pods > 0

    def labels_due(self, coming: Mapping[str, int]) -> tuple[LabelPods, ...]:
        """For new pods that don't carry the rollout's labels; those that come back are of no batch.

        One that was made just now is left alone until it is placed: our write would race with its binding, and one of
        the two would have to be made again.

        Args:
            coming: Labels that were written and not seen yet: the batch by the pod's uid.
        """
        if self.order.going_back:
            return ()
        places = batches.places(self.order, self.census.replicas, self.pods, self.pods_of)
        found = batches.unassigned(self.census.new, self.order, places, coming)
        members = {batch: [pod.metadata for pod, each in found if each == batch] for _, batch in found}
        return tuple(
            LabelPods(tuple((pod.name, pod.uid) for pod in pods), batch, self._labels(batch))
            for batch, pods in members.items()
        )

    def _labels(self, batch: int) -> dict[str, str]:
        further = {name: value.replace(BATCH, str(batch)) for name, value in self.order.pod_labels.items()}
        return further | {marks.POD_ROLLOUT_ID: self.order.rollout, marks.POD_BATCH: str(batch)}

    def progress(self) -> Progress:
        return Progress(self.goal, self.census.counts, self._waiting_for())

    def _waiting_for(self) -> str:
        missing = self.least_ready - self.census.available
        if self.census.scaling:
            return f"the native controller to scale to {self.census.replicas}"
        if missing > 0:
            return f"{missing} of {self.goal} new pods to get ready"
        if self.census.unseen:
            return f"the native controller to take in that {self.goal} new pods are to stay"
        if self.order.settle and not self.settled:
            return f"{self.census.alive - self.census.replicas} stable pods to go"
        return ""


def is_settled(order: ApplyBatch, census: Census, failed: int = 0) -> bool:
    new = len(census.new)
    return census.alive - new <= max(census.replicas - new + failed, order.stable_minimum, 0)

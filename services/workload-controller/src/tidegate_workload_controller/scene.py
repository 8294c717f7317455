"""One look at a held workload, with all the numbers that a decision needs.

Pure; `convergence` has it made from an order and a view, and reads its answers from it.
"""

import msgspec

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller import marks
from tidegate_workload_controller.actions import LabelPods, Progress
from tidegate_workload_controller.batch import Standing, blocked, goal, next_room, target_pods
from tidegate_workload_controller.budgets import Budget, Room, at_rest, express
from tidegate_workload_controller.census import Census, count
from tidegate_workload_controller.saved import Saved, budget_of
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.symptoms import Symptom, symptoms


class Scene(msgspec.Struct, frozen=True):
    """What an order meets.

    Args:
        order: What should be true.
        census: Who is there.
        standing: The batch, in pods.
        pods: What the target asks for; the batch's goal is less where stable pods have to stay.
        allowed: The budget that stands in the Deployment.
        ailments: Why new pods are not ready.
    """

    order: ApplyBatch
    census: Census
    standing: Standing
    pods: int
    allowed: Budget
    ailments: tuple[Symptom, ...]

    @property
    def ready(self) -> bool:
        enough = min(self.census.available, len(self.census.new)) >= self.standing.goal
        return enough and not self.census.scaling

    @property
    def settled(self) -> bool:
        """Whether the stable pods have shrunk to the rest, or to those that have to stay."""
        new = len(self.census.new)
        return self.census.alive - new <= max(self.census.replicas - new, self.order.stable_minimum, 0)

    @property
    def impossible(self) -> bool:
        """Whether not a single new pod can come while the stable ones stay that have to."""
        return self.standing.goal == 0 and self.pods > 0

    @property
    def wanted(self) -> Budget | None:
        """The budget that should stand in the Deployment; None: the one that does."""
        room = next_room(self.standing) if not self.census.scaling else None
        if room is None or blocked(room):
            return None
        standing = self.standing
        if standing.new >= standing.goal and standing.removed >= room.unavailable and self.settled:
            return at_rest(room, self.pods, standing.replicas, self.order.target)
        return express(room, standing.replicas, self.order.target, removed=standing.removed)

    @property
    def first(self) -> Budget:
        """The budget of the first write, which must say something even where nothing is to move."""
        standing = self.standing
        if standing.goal == 0:
            return at_rest(Room(0, self.pods), self.pods, standing.replicas, self.order.target)
        room = next_room(standing) or Room(max(standing.new - standing.removed, 0), standing.removed)
        return express(room, standing.replicas, self.order.target, removed=standing.removed)

    def unlabelled(self, labelled: frozenset[str]) -> LabelPods | None:
        """New pods that don't carry the rollout's labels yet."""
        pods = tuple(
            (pod.metadata.name, pod.metadata.uid)
            for pod in self.census.new
            if pod.metadata.uid not in labelled and pod.metadata.labels.get(marks.POD_ROLLOUT_ID) != self.order.rollout
        )
        labels = {marks.POD_ROLLOUT_ID: self.order.rollout, marks.POD_BATCH: str(self.order.batch)}
        return LabelPods(pods, labels) if pods else None

    def progress(self) -> Progress:
        return Progress(self.standing.goal, self.census.counts, self._waiting_for())

    def _waiting_for(self) -> str:
        missing = self.standing.goal - self.census.available
        if self.census.scaling:
            return f"the native controller to scale to {self.census.replicas}"
        if missing > 0:
            return f"{missing} of {self.standing.goal} new pods to get ready"
        if self.order.settle and not self.settled:
            return f"{self.census.alive - self.census.replicas} stable pods to go"
        return ""


def look(order: ApplyBatch, view: View, saved: Saved, *, new: str | None, now_s: float, first: bool = False) -> Scene:
    """See a view as an order's scene.

    Args:
        order: What should be true.
        view: The workload.
        saved: The user's own strategy.
        new: The revision that is being rolled out, where it exists.
        now_s: Epoch seconds.
        first: Whether the budget that stands is the user's own, not ours.
    """
    replicas = view.deployment.spec.replicas
    limits = saved.limits(replicas)
    census = count(view, new=new, stable=order.stable_revision, min_ready_s=saved.min_ready_s, now_s=now_s)
    allowed = budget_of(view.deployment.spec.strategy)
    standing = Standing(
        replicas=replicas,
        goal=goal(order, replicas, limits),
        new=census.new_told,
        old=census.old_told,
        available=census.available,
        limits=limits,
        allowed=None if first else allowed.room(replicas),
        stable_minimum=order.stable_minimum,
        settle=order.settle,
    )
    told = [each for each in view.replica_sets if each.revision == new]
    return Scene(
        order=order,
        census=census,
        standing=standing,
        pods=target_pods(order.target, replicas),
        allowed=allowed,
        ailments=symptoms(census.new, told),
    )

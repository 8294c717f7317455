"""How many pods a step means, and the next move towards them within the user's own limits.

Pure; `convergence` calls it with what it sees. A batch moves in rounds: new pods come on top of the stable ones as
far as the user's maxSurge goes (and stable ones go first only where it doesn't reach); once the new ones are ready,
as many stable ones go. The native controller makes every move; we only say how far it may go, see `budgets`.
"""

import msgspec

from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_workload_controller.budgets import Room, ceiling_of


def rounded_up(target: Target, replicas: int) -> int:
    """New pods that a target means: a percentage rounded up, and never more than there are."""
    if target.count is not None:
        return min(target.count, replicas)
    assert target.percent is not None, "a target has a count or a percentage"
    return min(ceiling_of(target.percent * replicas, WHOLE_PERCENT), replicas)


def target_pods(target: Target, replicas: int) -> int:
    """The same for a Deployment, of which one stable pod is kept below 100 %."""
    pods = rounded_up(target, replicas)
    partial = target.percent is not None and target.percent < WHOLE_PERCENT
    return min(pods, replicas - 1) if partial and replicas > 1 else pods


def held_back(pods: int, order: ApplyBatch, replicas: int) -> int:
    """New pods without those in whose place stable pods have to stay; for kinds in which one replaces another."""
    return min(pods, max(replicas - order.stable_minimum, 0))


def least_ready(order: ApplyBatch, goal: int) -> int:
    """Pods of a batch that have to be ready: all but those that may fail, and one in any case."""
    threshold = order.failure_threshold
    tolerated = rounded_up(threshold, goal) if threshold is not None else 0
    return max(goal - tolerated, min(goal, 1))


class Standing(msgspec.Struct, frozen=True):
    """Where a batch stands, in pods.

    Args:
        replicas: The workload's own.
        goal: New pods that the batch is made of.
        new: New pods that the native controller was told to have.
        old: All other pods that it was told to have.
        available: New pods that are ready, for as long as the user wants them to be.
        tolerated: New pods that needn't be.
        limits: The user's own maxSurge and maxUnavailable.
        allowed: What the Deployment allows now; None before the first touch.
        stable_minimum: Stable pods that must stay.
        settle: Whether stable pods are to go once the new ones are ready.
    """

    replicas: int
    goal: int
    new: int
    old: int
    available: int
    limits: Room
    allowed: Room | None
    stable_minimum: int
    settle: bool
    tolerated: int = 0

    @property
    def removed(self) -> int:
        """Stable pods that have been taken away already."""
        return min(max(self.replicas - self.old, 0), self.replicas)

    @property
    def removable(self) -> int:
        """Stable pods that may be gone at most."""
        return max(self.replicas - self.stable_minimum, 0)

    @property
    def excessive(self) -> bool:
        """Whether what is allowed goes further than the batch does, as after a scale-down."""
        if self.allowed is None or self.new >= self.goal:
            return False
        return self.allowed.surge + max(self.allowed.unavailable, self.removed) > self.goal

    @property
    def moving(self) -> bool:
        """Whether the native controller has still to do what it is allowed to."""
        if self.allowed is None:
            return False
        expected = min(self.allowed.surge + max(self.allowed.unavailable, self.removed), self.replicas)
        return self.new < expected or self.removed < self.allowed.unavailable


def goal(order: ApplyBatch, replicas: int, limits: Room) -> int:
    """New pods that the batch can be made of: the target, less what stable pods have to stay for."""
    most = max(replicas - order.stable_minimum, 0) + limits.surge
    return min(target_pods(order.target, replicas), most)


def next_room(standing: Standing) -> Room | None:
    """How far the native controller should be let go now; None: leave it as it is, and wait."""
    if standing.new >= standing.goal:
        ready = standing.available >= standing.goal - standing.tolerated
        return _settled(standing) if standing.settle and ready else None
    if standing.excessive:
        return _added(standing)
    if standing.moving or standing.available < standing.new - standing.tolerated:
        return None
    return _added(standing)


def _settled(standing: Standing) -> Room:
    """New and stable pods together are the workload's replicas, and more only where stable ones have to stay."""
    new = max(standing.goal, min(standing.new, standing.removable))
    unavailable = min(new, standing.removable)
    if standing.available < standing.goal:  # a pod that may fail replaces none beyond the user's own limit
        unavailable = min(unavailable, standing.available + standing.limits.unavailable)
    return Room(new - unavailable, unavailable)


def _added(standing: Standing) -> Room:
    """The next round of new pods, on top as far as possible; no healthy pod is missed beyond the user's limit."""
    unavailable = standing.removed
    if standing.settle or standing.stable_minimum == 0:  # new pods that are ready stand in for stable ones
        unavailable = max(unavailable, min(standing.available, standing.removable))
    unavailable = min(unavailable, standing.goal)
    surge = min(standing.limits.surge, standing.goal - unavailable)
    if surge + unavailable < standing.goal:
        most = min(standing.available + standing.limits.unavailable, standing.removable, standing.goal - surge)
        unavailable = max(unavailable, most)
    return Room(surge, unavailable)


def blocked(room: Room) -> bool:
    """Whether a room lets nothing move: to the native controller two zeros would mean one stable pod less."""
    return room.surge == 0 and room.unavailable == 0

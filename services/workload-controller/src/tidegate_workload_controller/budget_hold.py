"""Deployments, held by maxSurge and maxUnavailable while new pods never count as available: docs/deployment-hold.md.

The `Hold` of `kinds.deployment`; `batch` says how many pods the next round moves, `budgets` how that is written. Pure.
"""

from typing import Any, Final

from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller.batch import Standing, blocked, goal, least_ready, next_room, target_pods
from tidegate_workload_controller.budgets import Budget, Room, at_rest, budget_of, express
from tidegate_workload_controller.census import Census, count
from tidegate_workload_controller.hold import Fields
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.scene import Scene, is_settled
from tidegate_workload_controller.seen import View, Workload
from tidegate_workload_controller.symptoms import symptoms

ROLLING: Final = "RollingUpdate"
RECREATE: Final = "Recreate"

HOLD_MIN_READY_S: Final = 2_147_483_646
"""New pods are never available to the native controller, so it stops exactly where its budget ends."""

HOLD_PROGRESS_DEADLINE_S: Final = 2_147_483_647
"""The largest value, which means none; it must be above minReadySeconds."""


class BudgetHold:
    described = "strategy, minReadySeconds, progressDeadlineSeconds or paused"

    def save(self, workload: Workload) -> Saved:
        spec = workload.spec
        return Saved(
            strategy=spec.strategy,
            min_ready_seconds=spec.min_ready_seconds,
            progress_deadline_seconds=spec.progress_deadline_seconds,
            paused=spec.paused,
        )

    def min_ready_s(self, workload: Workload, saved: Saved) -> int:
        del workload
        return saved.min_ready_seconds or 0

    def fields(self, setting: Budget, saved: Saved) -> Fields:
        del saved
        return {
            "minReadySeconds": HOLD_MIN_READY_S,
            "progressDeadlineSeconds": HOLD_PROGRESS_DEADLINE_S,
            "strategy": rolling(setting),
            "paused": None,
        }

    def closed(self, saved: Saved) -> Fields:
        """Budgets are never both nothing, so a Deployment has to be paused."""
        del saved
        return {"paused": True}

    def setting(self, workload: Workload) -> Budget:
        return budget_of(workload.spec.strategy)

    def stands(self, workload: Workload, saved: Saved) -> bool:
        del saved
        spec = workload.spec
        return (
            spec.min_ready_seconds == HOLD_MIN_READY_S
            and spec.progress_deadline_seconds == HOLD_PROGRESS_DEADLINE_S
            and spec.strategy.get("type") == ROLLING
            and not spec.paused
        )

    def moving(self, saved: Saved) -> Fields:
        """Neither paused nor recreating."""
        return {**self.own(saved), "strategy": rolling(budget_of(saved.strategy)), "paused": None}

    def moves_freely(self, workload: Workload, saved: Saved) -> bool:
        spec = workload.spec
        return (
            spec.strategy == self.moving(saved)["strategy"]
            and (spec.min_ready_seconds or 0) == (saved.min_ready_seconds or 0)
            and not spec.paused
            and (saved.progress_deadline_seconds in {None, spec.progress_deadline_seconds})
        )

    def own(self, saved: Saved) -> Fields:
        return {
            "strategy": saved.strategy or None,
            "minReadySeconds": saved.min_ready_seconds,
            "progressDeadlineSeconds": saved.progress_deadline_seconds,
            "paused": saved.paused,
        }

    def finishes(self, saved: Saved) -> bool:
        return saved.strategy.get("type") != RECREATE and not saved.paused

    def partition(self, workload: Workload) -> Any:
        """None: a Deployment knows none."""
        del workload

    def surges(self, workload: Workload, saved: Saved) -> bool:
        return budget_of(saved.strategy).room(workload.replicas).surge > 0

    def look(
        self, order: ApplyBatch, view: View, saved: Saved, *, new: str | None, now_s: float, first: bool = False
    ) -> Scene:
        replicas = view.workload.replicas
        min_ready_s = self.min_ready_s(view.workload, saved)
        census = count(view, new=new, stable=order.stable_revision, min_ready_s=min_ready_s, now_s=now_s)
        allowed = self.setting(view.workload)
        standing = _standing(order, census, budget_of(saved.strategy).room(replicas), None if first else allowed)
        pods = target_pods(order.target, replicas)
        counted = sum(each.available for each in view.revisions if each.name == new)
        waits = census.scaling or counted > 0
        return Scene(
            order=order,
            census=census,
            goal=standing.goal,
            pods=pods,
            ailments=symptoms(census.new, [each for each in view.revisions if each.name == new]),
            standing=allowed,
            wanted=None if waits else _wanted(order, standing, pods, settled=is_settled(order, census)),
            first=_first(order, standing, pods, counted),
            pods_of=target_pods,
        )

    def obstacles(self, view: View, revision: str) -> tuple[tuple[str, str], ...]:
        """None: the native controller removes what is not ready by itself."""
        del view, revision
        return ()


def _standing(order: ApplyBatch, census: Census, limits: Room, allowed: Budget | None) -> Standing:
    pods = goal(order, census.replicas, limits)
    return Standing(
        replicas=census.replicas,
        goal=pods,
        new=census.new_told,
        old=census.old_told,
        available=census.available,
        limits=limits,
        allowed=None if allowed is None else allowed.room(census.replicas),
        stable_minimum=order.stable_minimum,
        settle=order.settle,
        tolerated=pods - least_ready(order, pods),
    )


def _wanted(order: ApplyBatch, standing: Standing, pods: int, *, settled: bool) -> Budget | None:
    room = next_room(standing)
    if room is None or blocked(room):
        return None
    if standing.new >= standing.goal and standing.removed >= room.unavailable and settled:
        return at_rest(room, pods, standing.replicas, order.target)
    return express(room, standing.replicas, order.target, removed=standing.removed)


def _first(order: ApplyBatch, standing: Standing, pods: int, counted: int) -> Budget:
    """The first setting; pods of the new revision that are there already still count as available for a moment.

    Until the native controllers have taken the hold in, they let so many other pods go beyond the budget.
    """
    if standing.goal == 0:
        return at_rest(Room(0, pods), pods, standing.replicas, order.target)
    room = next_room(standing) or Room(max(standing.new - standing.removed, 0), standing.removed)
    cautious = Room(room.surge, max(room.unavailable - counted, 0))
    room = room if blocked(cautious) else cautious
    return express(room, standing.replicas, order.target, removed=standing.removed)


def rolling(budget: Budget) -> dict[str, Any]:
    return {"type": ROLLING, "rollingUpdate": {"maxSurge": budget.surge, "maxUnavailable": budget.unavailable}}

"""When a rollout wants to be looked at though nobody reports anything: pauses that end, answers that are
overdue.

The service that was told reports its own deadline; ours come a little later and only find a service that is
dead. `advance` asks what is overdue, `handle` sets a timer for the next moment, the sweep asks again.
"""

from typing import Final

import msgspec

from tidegate_contracts.orders import Analyse, ReleaseTraffic
from tidegate_orchestrator.state import (
    Baking,
    Clearing,
    Ending,
    Falling,
    Judging,
    Pausing,
    Phase,
    Pinning,
    Preparing,
    Rollout,
    Routes,
    Shifting,
    Stage,
    Workload,
    grace_s,
)
from tidegate_orchestrator.verdicts import bake_passes, next_answer_due_s

DEADLINE_SLACK_S: Final = 5.0
_TRAFFIC_PHASES: Final = frozenset((Clearing, Preparing, Pinning, Shifting, Falling))
_TRAFFIC_STAGES: Final = (Stage.LOWERING, Stage.RELEASING_TRAFFIC)


class Deadline(msgspec.Struct, frozen=True):
    due_s: float
    awaited: str
    wait_s: float

    @property
    def reason(self) -> str:
        """Why it is waited for no longer."""
        return f"{self.awaited} for {self.wait_s:g} s"


def next_wakeup(workload: Workload) -> float | None:
    """The moment, in epoch seconds, at which time alone may change what `decide` says."""
    rollout = workload.active
    if rollout is None:
        return None
    if rollout.hold is not None and rollout.hold.is_doubt:
        return next_answer_due_s(rollout)
    if isinstance(rollout.phase, Pausing):
        return rollout.phase.until_s if rollout.hold is None else None
    if isinstance(rollout.phase, Baking) and bake_passes(rollout):
        return rollout.phase.until_s if rollout.hold is None else None
    due = deadline(rollout)
    return due.due_s if due is not None else None


def deadline(rollout: Rollout) -> Deadline | None:
    """When the answer that is waited for is overdue."""
    if isinstance(rollout.phase, Judging | Baking):
        return _of_analysis(rollout)
    routes = rollout.routes
    if routes is None or routes.answered or not _waits_for_traffic(rollout.phase):
        return None
    return _of_traffic(routes)


def _waits_for_traffic(phase: Phase) -> bool:
    return type(phase) in _TRAFFIC_PHASES or (isinstance(phase, Ending) and phase.stage in _TRAFFIC_STAGES)


def _of_analysis(rollout: Rollout) -> Deadline | None:
    judge = rollout.judge
    if judge is None or judge.verdict is not None or not isinstance(judge.order, Analyse):
        return None
    if judge.order.step_analysis is None or judge.order.step != rollout.step:
        return None
    if isinstance(rollout.phase, Baking) and not judge.order.watch_until_s:
        return None
    wait_s = judge.order.deadline_s + DEADLINE_SLACK_S
    return Deadline(judge.order.since_s + wait_s, f"no verdict on {_subject(judge.order)}", wait_s)


def _subject(order: Analyse) -> str:
    return "the bake" if order.watch_until_s else f"step {order.step}"


def _of_traffic(routes: Routes) -> Deadline:
    order = routes.order
    slow = isinstance(order, ReleaseTraffic) or order.lowering
    wait_s = order.deadline_s + (grace_s(order.traffic) if slow else 0.0) + DEADLINE_SLACK_S
    return Deadline(routes.since_s + wait_s, "no word of the traffic", wait_s)

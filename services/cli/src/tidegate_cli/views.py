"""A rollout as somebody sees it: plain data that `projection` makes of events and that `-o json` prints as it is."""

from typing import Final, Literal

import msgspec

from tidegate_contracts.facts import Measurement, PodCounts
from tidegate_contracts.plan import PlannedStep
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.score import Scored

Phase = Literal[
    "unknown",
    "preparing",
    "pinning traffic",
    "adding pods",
    "shifting traffic",
    "judging",
    "pausing",
    "baking",
    "promoting",
    "rolling back",
    "cancelling",
    "completed",
    "rolled back",
    "cancelled",
    "superseded",
    "failed",
    "rejected",
]
ENDED: Final = frozenset({"completed", "rolled back", "cancelled", "superseded", "failed", "rejected"})
StepState = Literal["to come", "now", "done"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an analysis said of a step, of the bake after the last one, or of the rollout as a whole."""

    scope: Literal["step", "bake", "background"]
    step: int
    verdict: Literal["pass", "fail", "inconclusive"]
    reason: str
    at_s: float
    measurements: tuple[Measurement, ...] = ()
    scored: Scored | None = None


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    plan: PlannedStep
    state: StepState = "to come"
    started_at_s: float | None = None
    ended_at_s: float | None = None


class RolloutView(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout as far as its events tell. Everything but the id may be unknown yet."""

    rollout: str
    cluster: str = ""
    namespace: str = ""
    workload: str = ""
    kind: str = ""
    phase: Phase = "unknown"
    waits_for: str = ""
    """What comes next, once it is not paused either."""
    paused: str | None = None
    """Why it is held, by somebody or by itself; None while it is not."""
    step: int = 0
    """The present step, from 1; 0 before the first."""
    steps: tuple[StepView, ...] = ()
    counts: PodCounts | None = None
    weight_percent: int | None = None
    """The share that the router has accepted; None where the rollout has no traffic, or nothing is known."""
    weight_asked_percent: int | None = None
    stable_revision: str | None = None
    canary_revision: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    measured: tuple[Measurement, ...] = ()
    """The last measurements seen, which decide nothing yet."""
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    refused: Problem | None = None
    """Why the last control was refused."""
    superseded_by: str | None = None
    request: RolloutRequested | None = None
    accepted_at_s: float | None = None
    ended_at_s: float | None = None
    last_event_at_s: float | None = None

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

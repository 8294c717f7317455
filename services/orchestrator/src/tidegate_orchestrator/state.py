"""What is known of a workload and of the rollout that holds it: the fold of its history, and nothing else.

Made by `evolve`, read by `decide`, `orders` and `wakeup`. A phase holds only what means something in that
phase; what a service was told and what it answered stand side by side, so that a new order forgets the old
one's answers by itself.
"""

from enum import StrEnum
from typing import Final, Literal

import msgspec

from tidegate_contracts.facts import (
    AnalysisConcluded,
    BatchDegraded,
    BatchReady,
    BatchStalled,
    WorkloadChanged,
    WorkloadPrepared,
    WorkloadPromoted,
    WorkloadRefused,
    WorkloadReleased,
)
from tidegate_contracts.orders import (
    Analyse,
    AnalysisOrder,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
    Target,
    TrafficOrder,
    WorkloadOrder,
)
from tidegate_contracts.plan import WHOLE_PERCENT, PlannedStep
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import HeaderChange, HttpMatch, RolloutRequested, Style, TrafficReference

ITSELF: Final = "orchestrator"
"""Who paused or turned back where nobody else did."""

Mode = Literal["promote", "restore", "let_go"]


class Clearing(msgspec.Struct, frozen=True):
    """A superseded rollout is ended first: workload and routes are being given back."""

    mode: Mode


class Preparing(msgspec.Struct, frozen=True):
    """The change is being tried without being made."""


class Pinning(msgspec.Struct, frozen=True):
    """The stable Service is being pinned to the stable pods."""


class AtStep(msgspec.Struct, frozen=True):
    """What the phases at a step have in common."""

    step: int


class Raising(AtStep, frozen=True):
    """The step's new pods are ordered."""


class Shifting(AtStep, frozen=True):
    """The step's share of the traffic is ordered."""


class Judging(AtStep, frozen=True):
    """Stable pods settle and the step is measured."""


class Pausing(AtStep, frozen=True):
    """The step waits for a time or for somebody."""

    until_s: float | None


class Baking(AtStep, frozen=True):
    """The last step is done; the way back stays open for a time, and the new version is watched."""

    until_s: float


class Between(AtStep, frozen=True):
    """The step is done; the next one, or the promotion, is decided in the same breath."""


class Jumped(AtStep, frozen=True):
    """Somebody chose the step to go on with."""


class Falling(AtStep, frozen=True):
    """Back at an earlier step, its smaller share of the traffic is ordered before anything else."""


class Stage(StrEnum):
    """How far an ending is."""

    CHOSEN = "chosen"
    LOWERING = "lowering"
    PROMOTING = "promoting"
    RETURNING = "returning"
    RELEASING_TRAFFIC = "releasing-traffic"
    RELEASING_PODS = "releasing-pods"


Goal = Literal["promote", "roll_back", "cancel"]


class Ending(msgspec.Struct, frozen=True):
    """On the way to a terminal event: forward, back, or out."""

    goal: Goal
    reason: str
    mode: Mode
    """How the workload is given back."""
    stage: Stage = Stage.CHOSEN
    problem: Problem | None = None
    step: int = 0
    """Going back in batches: the step whose pods the workload has; 0 where it goes at once."""


class Ended(msgspec.Struct, frozen=True):
    """A terminal event was said; there is no other after it."""

    outcome: str


Phase = (
    Clearing
    | Preparing
    | Pinning
    | Raising
    | Shifting
    | Judging
    | Pausing
    | Baking
    | Between
    | Jumped
    | Falling
    | Ending
    | Ended
)


class Hold(msgspec.Struct, frozen=True):
    """Nothing is raised until somebody says so."""

    reason: str
    by: str
    since_s: float = 0.0
    """By the clock of the orchestrator that decided it."""

    @property
    def is_doubt(self) -> bool:
        """Whether the rollout held itself, so that going on means trying again."""
        return self.by == ITSELF


class Pods(msgspec.Struct, frozen=True):
    """What the workload-controller was told, and what it answered to exactly that."""

    order: WorkloadOrder
    answer: WorkloadPrepared | BatchReady | WorkloadPromoted | WorkloadReleased | None = None
    trouble: BatchStalled | BatchDegraded | WorkloadRefused | WorkloadChanged | None = None
    told: bool = True
    """False while the order has to wait for traffic to leave: a superseded rollout's order stands until then."""

    @property
    def trouble_text(self) -> str:
        return str(
            getattr(self.trouble, "problem", None)
            or getattr(self.trouble, "reason", None)
            or getattr(self.trouble, "what", "")
        )


class Routes(msgspec.Struct, frozen=True):
    """What the traffic-shifter was told, and what it answered to exactly that."""

    order: TrafficOrder
    since_s: float
    answered: bool = False
    refused: Problem | None = None

    @property
    def given_back(self) -> bool:
        return self.answered and isinstance(self.order, ReleaseTraffic)


class Judge(msgspec.Struct, frozen=True):
    """What the metrics-analyzer was told, and what it answered to exactly that."""

    order: AnalysisOrder
    verdict: AnalysisConcluded | None = None
    background: AnalysisConcluded | None = None
    extended: bool = False
    """Whether the step was inconclusive before, and is measured once more."""


class Cause(msgspec.Struct, frozen=True):
    """The ids of the messages that were answered, newest first, as a chain that is never copied."""

    id: str
    before: "Cause | None"


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    request: RolloutRequested
    plan: tuple[PlannedStep, ...]
    request_sequence: int
    phase: Phase
    since_s: float
    """When the phase began, by the clock of the orchestrator that decided it."""
    pods: Pods
    routes: Routes | None = None
    judge: Judge | None = None
    hold: Hold | None = None
    waits_first: bool = False
    """Whether it is still to be paused before its first batch, as was asked for."""
    touched: bool = False
    """Whether anything of the workload itself may have been changed."""
    stable_gone: bool = False
    """Whether an order in force lets every stable pod go."""
    gone: bool = False
    """Whether the workload was deleted."""
    stable_revision: str | None = None
    template_digest: str = ""
    canary_revision: str | None = None
    replicas: int = 0
    """As last reported; 0 before that."""
    ready_pods: int = 0
    """Pods of the new revision that have to be ready since the last batch that was."""
    events: int = 0
    causes: Cause | None = None

    @property
    def ended(self) -> bool:
        return type(self.phase) is Ended

    @property
    def step(self) -> int:
        """The step that the rollout is at; 0 outside of the steps."""
        return self.phase.step if isinstance(self.phase, AtStep) else 0

    @property
    def with_traffic(self) -> bool:
        return bool(self.request.traffic)

    @property
    def style(self) -> Style:
        return self.request.style

    @property
    def keeps_stable(self) -> bool:
        """Whether every stable pod stays until the promotion, so that nothing settles before."""
        return self.style != "partition"

    @property
    def held_style(self) -> Style:
        """How the workload is held: as a superseded rollout held it, for as long as that one is being given back."""
        order = self.pods.order
        return order.style if isinstance(order, ReleaseWorkload) else self.request.style

    @property
    def routed(self) -> bool:
        """Whether routes are in our hands."""
        return self.routes is not None and not self.routes.given_back

    @property
    def share(self) -> tuple[int, tuple[HttpMatch, ...]]:
        """The traffic of the new version as ordered: weight in percent, and matches."""
        order = self.routes.order if self.routes is not None else None
        return (order.weight_percent, order.matches) if isinstance(order, ShiftTraffic) else (0, ())

    @property
    def mirrored_percent(self) -> int:
        """How many requests are copied to the new version, as ordered."""
        order = self.routes.order if self.routes is not None else None
        return order.mirror_percent if isinstance(order, ShiftTraffic) else 0

    @property
    def requests(self) -> tuple[int, tuple[HttpMatch, ...], HeaderChange | None, int]:
        """The same with what is changed in these requests: as `PlannedStep.requests` has it, but ordered."""
        order = self.routes.order if self.routes is not None else None
        headers = order.request_headers if isinstance(order, ShiftTraffic) else None
        return (*self.share, headers, self.mirrored_percent)

    @property
    def quiet(self) -> bool:
        """Whether no request, and no copy of one, reaches the new version through a route of ours, for certain."""
        routes = self.routes
        if routes is None or isinstance(routes.order, ReleaseTraffic):
            return routes is None or routes.answered
        if self.share != (0, ()) or self.mirrored_percent:
            return False
        return routes.answered or not routes.order.lowering

    @property
    def shifted_whole(self) -> bool:
        """Whether no request reaches the stable version any more, for certain."""
        return self.share[0] == WHOLE_PERCENT and self.routes is not None and self.routes.answered

    def planned(self, step: int) -> PlannedStep:
        return self.plan[step - 1]

    def begins_measuring(self, step: int) -> bool:
        """Whether a step is measured: by its own analysis, or as the first one that the background's is due at."""
        order = self.judge.order if self.judge is not None else None
        goes_on = isinstance(order, Analyse) and order.background_analysis is not None
        is_due = self.request.background_at(step) is not None and not goes_on
        return self.planned(step).analysis is not None or is_due

    def passes_through(self, step: int) -> bool:
        """Whether a step has nothing to wait for at its end: then the next order makes the room, in one write."""
        planned, request = self.planned(step), self.request
        pauses = planned.pause is not None and planned.pause.duration_s != 0
        bakes = request.bake is not None and step == len(self.plan)
        analysed = planned.analysis is not None or request.background_at(step) is not None
        return not (self.with_traffic or pauses or bakes or analysed)

    def settles_at_once(self, step: int) -> bool:
        """Whether a step's first order is its only one: stable pods go in it as far as they go at all."""
        return self.keeps_stable or not (self.with_traffic or self.passes_through(step))

    def answered_before(self, cause: str) -> bool:
        link = self.causes
        while link is not None:
            if link.id == cause:
                return True
            link = link.before
        return False


class Workload(msgspec.Struct, frozen=True):
    """The aggregate: the number of its last decision, and the rollout that holds it or held it last."""

    revision: int = 0
    rollout: Rollout | None = None

    @property
    def active(self) -> Rollout | None:
        rollout = self.rollout
        return None if rollout is None or type(rollout.phase) is Ended else rollout


def covers_all(target: Target, replicas: int) -> bool:
    """Whether a target leaves no stable pod, as far as is known."""
    if target.count is not None:
        return 0 < replicas <= target.count
    return target.percent == WHOLE_PERCENT


def pods_of(target: Target, replicas: int) -> int:
    """How many pods a target is, as far as is known."""
    if target.count is not None:
        return min(target.count, replicas)
    return -(-replicas * (target.percent or 0) // WHOLE_PERCENT)


def as_many(plan: tuple[PlannedStep, ...], pods: int, replicas: int) -> int:
    """The first step with so many pods, at least; a plan's last step has all of them."""
    return next((step.number for step in plan if pods_of(step.target, replicas) >= pods), len(plan))


def grace_s(references: tuple[TrafficReference, ...]) -> float:
    """How long proxies and connections get, at most, before the traffic counts as gone."""
    return max((reference.grace_s for reference in references), default=0.0)

"""What a workload's history says of its newest rollout, as much as a Rollout's status tells: the fold of its events.

Pure and total: an event that makes no sense here changes nothing. Called by `histories`; read by `projection`, which
makes the status of it, and by `commands`. The state machine itself is the orchestrator's; here are only its words.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import (
    BY_THE_REQUEST,
    TERMINAL,
    BakeStarted,
    CancellationStarted,
    ControlRefused,
    Decision,
    PauseStarted,
    PlanChanged,
    PromotionStarted,
    RollbackStarted,
    RolloutAccepted,
    RolloutCancelled,
    RolloutCompleted,
    RolloutFailed,
    RolloutPaused,
    RolloutRejected,
    RolloutResumed,
    RolloutRolledBack,
    RolloutSuperseded,
    StepCompleted,
    StepJudgingStarted,
    StepJumped,
    StepRetried,
    StepStarted,
    TrafficShiftStarted,
)
from tidegate_contracts.facts import BatchDegraded, BatchReady, BatchRecovered, Fact, PodCounts, WorkloadPrepared
from tidegate_contracts.guards import BY_THE_GUARD
from tidegate_contracts.plan import PlannedStep
from tidegate_contracts.rollout import RolloutRequested
from tidegate_rollout_operator import finalising

Stage = Literal["idle", "initializing", "rolling", "finalising", "cancelling", "completed", "canceled"]
StepState = Literal[
    "BeforeStepUpgrade", "StepUpgrade", "StepTrafficRouting", "StepMetricsAnalysis", "StepPaused", "Completed"
]
"""Kruise's, but for StepReady: only a user writes that, so that an approval can't be taken for ours."""

REPLAN: Final = ":replan:"
"""In the id of each control that carries an edit of a Rollout's strategy; its generation follows."""

AWAITED: Final = "it waits for TrafficRouting"
"""How the reason begins of a pause before the first batch that ends when its TrafficRouting is held."""

BEGINNINGS: Final = ("BeforeStepUpgrade", "StepUpgrade")
UNDER_WAY: Final = ("initializing", "rolling", "finalising", "cancelling")


class Hold(msgspec.Struct, frozen=True):
    """A pause of the whole rollout, and whose."""

    reason: str
    by: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int = 0
    """Where in the stream of events it stands: the history up to there is in it."""
    revision: int = 0
    """Of the last decision that changed something; a refused control does not."""
    rollout: str = ""
    request: RolloutRequested | None = None
    plan: tuple[PlannedStep, ...] = ()
    plan_revision: int = 0
    """The decision that the plan came with."""
    replanned: str = ""
    """The id of the last control by which a Rollout changed it."""
    stage: Stage = "idle"
    step: int = 1
    begun: int = 0
    """The decision by which the present step began, or began anew."""
    state: StepState = "BeforeStepUpgrade"
    until_s: float | None = None
    """When the step's pause ends; None where it waits for somebody."""
    bakes: bool = False
    """Whether what is analysed is the bake. It shows as no pause: an approval of the last step's pause, which stands in
    a status yet, must not end it."""
    hold: Hold | None = None
    finalising: str = ""
    """What is being given back, in Kruise's words."""
    going_back: bool = False
    """Whether the stable version comes back, unlike where the workload is only let go."""
    reason: str = ""
    """Why it goes back, is let go or failed."""
    withdrawn: bool = False
    """Whether it goes back because its workload was written with the stable template again."""
    refused: str = ""
    """Why the last control, or the last request, was refused."""
    stable_revision: str = ""
    canary_revision: str = ""
    counts: PodCounts | None = None
    ready_at_s: float | None = None
    """Since when the present step's pods are ready; None where they are not."""
    at_s: float = 0.0
    """When the last decision that changed something was taken."""

    @property
    def active(self) -> bool:
        return self.stage in UNDER_WAY

    @property
    def awaits_routing(self) -> bool:
        """Whether it waits, before its first batch, for the TrafficRouting that it is to hold."""
        hold = self.hold
        return hold is not None and hold.by == BY_THE_REQUEST and hold.reason.startswith(AWAITED)

    @property
    def steps(self) -> int:
        """How many steps there are but for the last one to all pods, which a request may leave out, as Kruise's do."""
        return sum(not step.added for step in self.plan)

    @property
    def closing(self) -> bool:
        """Whether it is at that last one, and no bake follows: in Kruise's words the steps are done then."""
        baked = self.request is not None and self.request.bake is not None
        return self.stage == "rolling" and self.step > self.steps and not baked

    @property
    def index(self) -> int:
        """The step as Kruise counts: after the end, and on the way back from beyond it, it stands at its last one."""
        done = self.stage in ("finalising", "completed") or self.step > self.steps > 0
        return self.steps if done else self.step

    @property
    def waits(self) -> bool:
        """Whether the step's pause is what it stands at."""
        return self.stage == "rolling" and self.state == "StepPaused"


def evolve(view: View, sequence: int, event: AnyEvent) -> View:
    """The view after one more event of the workload's history."""
    view = replace(view, sequence=sequence)
    if isinstance(event, RolloutAccepted):
        return _accepted(sequence, event)
    if isinstance(event, RolloutRejected):
        return replace(view, refused="; ".join(str(each) for each in event.problems))
    if event.rollout != view.rollout:
        return view
    return _seen(view, event) if isinstance(event, Fact) else _decided(view, event)


def _accepted(sequence: int, event: RolloutAccepted) -> View:
    return View(
        sequence=sequence,
        revision=event.revision,
        rollout=event.rollout,
        request=event.request,
        plan=event.plan,
        plan_revision=event.revision,
        begun=event.revision,
        stage="initializing",
        at_s=event.at_s,
        finalising=finalising.of_another(event.inherited),
        stable_revision=(event.inherited.stable_revision if event.inherited else None) or "",
    )


def _seen(view: View, fact: Fact) -> View:
    if isinstance(fact, WorkloadPrepared):
        return replace(view, stable_revision=fact.stable_revision, counts=fact.counts)
    view = _ready(view, fact)
    if isinstance(fact, BatchReady):
        return replace(view, canary_revision=fact.canary_revision, counts=fact.counts)
    counts = getattr(fact, "counts", None)
    return replace(view, counts=counts) if counts is not None else view


def _ready(view: View, fact: Fact) -> View:
    """What is still said of a step before changes nothing."""
    if not isinstance(fact, BatchReady | BatchRecovered | BatchDegraded) or fact.step != view.step:
        return view
    return replace(view, ready_at_s=None if isinstance(fact, BatchDegraded) else fact.at_s)


def _decided(view: View, event: Decision) -> View:
    if isinstance(event, ControlRefused):
        return replace(view, refused=f"{event.control} was refused: it needs {event.problem.rule}")
    word = finalising.after(event, view.finalising, view.request, view.stage, closing=view.closing)
    changes = {"finalising": word} | _changes(view, event)
    begun = {"begun": event.revision} if changes.get("state") in BEGINNINGS else {}
    return replace(view, **{"revision": event.revision, "at_s": event.at_s, "refused": ""} | begun | changes)


def _changes(view: View, event: Decision) -> dict[str, Any]:
    if isinstance(event, TERMINAL):
        return _end(view, event)
    if isinstance(event, StepRetried):
        at_step = view.stage == "rolling" and event.step > 0
        return (_at_step(event.step, "StepUpgrade") if at_step else {}) | {"hold": None}
    if isinstance(event, PlanChanged):
        return _replanned(view, event)
    change = _CHANGES.get(type(event))
    return change(event) if change is not None else {}


def _replanned(view: View, event: PlanChanged) -> dict[str, Any]:
    """A step that is begun anew is told of as one that is jumped to; a pause ends when the new plan says."""
    changes: dict[str, Any] = {"request": event.request, "plan": event.plan, "plan_revision": event.revision}
    if REPLAN in event.cause:
        changes["replanned"] = event.cause
    if event.again:
        return changes | _at_step(event.step, "BeforeStepUpgrade")
    return changes | ({"until_s": event.until_s} if view.waits else {})


def _at_step(step: int, state: StepState) -> dict[str, Any]:
    anew = {"ready_at_s": None} if state == "StepUpgrade" else {}
    return {"stage": "rolling", "step": step, "state": state, "until_s": None, "bakes": False} | anew


def _end(view: View, event: Decision) -> dict[str, Any]:
    stage: Stage = "completed" if isinstance(event, RolloutCompleted) else "canceled"
    reason = view.reason
    if isinstance(event, RolloutRolledBack | RolloutCancelled | RolloutFailed):
        reason = event.reason
    elif isinstance(event, RolloutSuperseded):
        reason = f"superseded by {event.superseded_by}"
    return {"stage": stage, "reason": reason, "state": "Completed", "hold": None, "until_s": None}


_CHANGES: Final[dict[type[Decision], Callable[[Any], dict[str, Any]]]] = {
    StepStarted: lambda event: _at_step(event.step, "StepUpgrade") | {"hold": None},
    StepJumped: lambda event: _at_step(event.to_step, "StepUpgrade") | {"hold": None},
    TrafficShiftStarted: lambda event: _at_step(event.step, "StepTrafficRouting"),
    StepJudgingStarted: lambda event: _at_step(event.step, "StepMetricsAnalysis"),
    PauseStarted: lambda event: _at_step(event.step, "StepPaused") | {"until_s": event.until_s},
    StepCompleted: lambda event: _at_step(event.step, "StepMetricsAnalysis"),
    BakeStarted: lambda event: _at_step(event.step, "StepMetricsAnalysis") | {"bakes": True},
    RolloutPaused: lambda event: {"hold": Hold(event.reason, event.by)},
    RolloutResumed: lambda _: {"hold": None},
    PromotionStarted: lambda _: {"stage": "finalising", "state": "Completed", "hold": None},
    RollbackStarted: lambda event: {
        "stage": "cancelling",
        "reason": event.reason,
        "withdrawn": event.by == BY_THE_GUARD,
        "going_back": True,
        "hold": None,
    },
    CancellationStarted: lambda event: {"stage": "cancelling", "reason": event.reason, "hold": None},
}

"""What the orchestrator decided: the other half of a workload's history, appended only by compare-and-set.

`revision` counts the decisions of the workload, across its rollouts. `active` names the rollout that holds the
workload after the decision, so that the last decision alone says which rollout's events to load.
"""

from typing import Final, Literal

import msgspec

from tidegate_contracts.plan import PlannedStep
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import RollbackPace, RolloutRequested, Style, TrafficReference

BY_THE_REQUEST: Final = "the request"
"""Who holds a rollout before its first batch, where its request asks for that."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    rollout: str
    revision: int
    active: str | None
    cause: str
    """The id of the message that was answered."""
    at_s: float


class Inherited(msgspec.Struct, frozen=True, kw_only=True):
    """What a superseded rollout leaves in force, so that the newer one's events alone tell its state."""

    stable_revision: str | None = None
    """Where the workload is held, or was: the revision to go back to."""
    touched: bool = False
    """Whether the workload may be held on the superseded rollout's behalf."""
    traffic: tuple[TrafficReference, ...] = ()
    """Routes that are not the user's own yet."""
    release_traffic: bool = False
    """Whether these routes have to be given back first: the stable pods could not carry all requests."""
    release_workload: Literal["promote", "restore", "let_go"] | None = None
    """How the workload has to be given back before anything new is tried; None where its hold is taken over."""
    release_after_traffic: bool = False
    """Whether pods that may still get traffic go with it: then the routes come first."""
    analysed: bool = False
    style: Style = "partition"
    """How the superseded rollout held the workload: it is given back the same way."""


class RolloutAccepted(Decision, frozen=True, kw_only=True, tag="rollout.accepted.v1"):
    request: RolloutRequested
    plan: tuple[PlannedStep, ...]
    supersedes: str | None = None
    inherited: Inherited | None = None
    request_sequence: int = 0
    """The request's place in its stream: an older request never supersedes a newer one."""


class RolloutRejected(Decision, frozen=True, kw_only=True, tag="rollout.rejected.v1"):
    """Terminal: nothing was touched."""

    problems: tuple[Problem, ...]


class PreparationStarted(Decision, frozen=True, kw_only=True, tag="rollout.preparation-started.v1"):
    """What a superseded rollout was giving back is given back: now the change is tried."""


class TrafficPinStarted(Decision, frozen=True, kw_only=True, tag="rollout.traffic-pin-started.v1"):
    """The stable Service gets pinned to the stable revision, before the first new pod."""


class StepStarted(Decision, frozen=True, kw_only=True, tag="rollout.step-started.v1"):
    """New pods of the step are ordered."""

    step: int


class TrafficShiftStarted(Decision, frozen=True, kw_only=True, tag="rollout.traffic-shift-started.v1"):
    """The step's pods are ready: its share of the traffic is ordered."""

    step: int
    weight_percent: int


class StepJudgingStarted(Decision, frozen=True, kw_only=True, tag="rollout.step-judging-started.v1"):
    """Pods and traffic are where the step wants them: stable pods settle, and the analysis starts."""

    step: int


class PauseStarted(Decision, frozen=True, kw_only=True, tag="rollout.pause-started.v1"):
    """The pause at the step's end, until a time or until somebody approves."""

    step: int
    until_s: float | None


class StepCompleted(Decision, frozen=True, kw_only=True, tag="rollout.step-completed.v1"):
    step: int
    approved_by: str | None = None


class BakeStarted(Decision, frozen=True, kw_only=True, tag="rollout.bake-started.v1"):
    """Every step is done and the new version has all requests: it is watched until then, with the way back open."""

    step: int
    """The last one."""
    until_s: float


class RolloutPaused(Decision, frozen=True, kw_only=True, tag="rollout.paused.v1"):
    """Held by somebody, or by itself because of doubt; nothing is raised until it is told to go on."""

    reason: str
    by: str
    lowered: bool = False
    """Whether the traffic leaves the new version for as long as the pause lasts."""
    before_start: bool = False
    """Whether it is the pause before the first batch that the request asked for."""


class RolloutResumed(Decision, frozen=True, kw_only=True, tag="rollout.resumed.v1"):
    by: str


class StepRetried(Decision, frozen=True, kw_only=True, tag="rollout.step-retried.v1"):
    step: int
    by: str


class StepJumped(Decision, frozen=True, kw_only=True, tag="rollout.step-jumped.v1"):
    from_step: int
    to_step: int
    by: str


class PlanChanged(Decision, frozen=True, kw_only=True, tag="rollout.plan-changed.v1"):
    """The rollout goes on by another plan."""

    request: RolloutRequested
    """As it reads from now on."""
    plan: tuple[PlannedStep, ...]
    step: int
    """Where it goes on; 0 before the first step."""
    again: bool
    """Whether that step is begun anew, with its pods; otherwise it goes on with what is left of it."""
    until_s: float | None = None
    """Where the step's pause, or the bake, goes on: when it ends by itself, by the new plan."""
    by: str
    reason: str


class ControlRefused(Decision, frozen=True, kw_only=True, tag="rollout.control-refused.v1"):
    """A control that makes no sense now; nothing changed."""

    control: str
    problem: Problem
    problems: tuple[Problem, ...] = ()
    """Where there are several, all of them, the first one included."""


class PromotionStarted(Decision, frozen=True, kw_only=True, tag="rollout.promotion-started.v1"):
    """Every step is done: what is left is to make the new version the workload's own and to give everything back."""

    approved_by: str | None = None
    """Who ended the bake before its time."""


class RollbackStarted(Decision, frozen=True, kw_only=True, tag="rollout.rollback-started.v1"):
    """Going back: the traffic leaves the new version first."""

    reason: str
    by: str
    problem: Problem | None = None
    """What made the rollout impossible, where it could not even start."""
    pace: RollbackPace | None = None
    """How the pods go, where somebody said so; None: as the request says."""


class CancellationStarted(Decision, frozen=True, kw_only=True, tag="rollout.cancellation-started.v1"):
    """Letting go: routes are given back, then the workload to its native strategy."""

    reason: str
    by: str


class PodsPromotionStarted(Decision, frozen=True, kw_only=True, tag="rollout.pods-promotion-started.v1"):
    """In the styles canary and blue_green every stable pod is still there: the workload's own pods become the new
    version, while the new pods that are there keep all the traffic.
    """


class BatchReturnStarted(Decision, frozen=True, kw_only=True, tag="rollout.batch-return-started.v1"):
    """Going back in batches: as many pods stay on the new version as this step has, and no request reaches them."""

    step: int


class PodsReleaseStarted(Decision, frozen=True, kw_only=True, tag="rollout.pods-release-started.v1"):
    """Traffic is where the end wants it: the workload is given back."""


class TrafficReleaseStarted(Decision, frozen=True, kw_only=True, tag="rollout.traffic-release-started.v1"):
    """The routes are given back."""


class RolloutCompleted(Decision, frozen=True, kw_only=True, tag="rollout.completed.v1"):
    """Terminal: the new version is everywhere."""


class RolloutRolledBack(Decision, frozen=True, kw_only=True, tag="rollout.rolled-back.v1"):
    """Terminal: the stable version is everywhere."""

    reason: str


class RolloutCancelled(Decision, frozen=True, kw_only=True, tag="rollout.cancelled.v1"):
    """Terminal: the workload is its owner's again."""

    reason: str


class RolloutSuperseded(Decision, frozen=True, kw_only=True, tag="rollout.superseded.v1"):
    """Terminal: a newer request took the workload over."""

    superseded_by: str


class RolloutFailed(Decision, frozen=True, kw_only=True, tag="rollout.failed.v1"):
    """Terminal: it could not start, or its workload is gone."""

    reason: str
    problem: Problem | None = None


TERMINAL = (
    RolloutRejected,
    RolloutCompleted,
    RolloutRolledBack,
    RolloutCancelled,
    RolloutSuperseded,
    RolloutFailed,
)

AnyDecision = (
    RolloutAccepted
    | RolloutRejected
    | PreparationStarted
    | TrafficPinStarted
    | StepStarted
    | TrafficShiftStarted
    | StepJudgingStarted
    | PauseStarted
    | StepCompleted
    | BakeStarted
    | RolloutPaused
    | RolloutResumed
    | StepRetried
    | StepJumped
    | PlanChanged
    | ControlRefused
    | PromotionStarted
    | RollbackStarted
    | CancellationStarted
    | PodsPromotionStarted
    | BatchReturnStarted
    | PodsReleaseStarted
    | TrafficReleaseStarted
    | RolloutCompleted
    | RolloutRolledBack
    | RolloutCancelled
    | RolloutSuperseded
    | RolloutFailed
)

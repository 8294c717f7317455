"""What services report: facts about the world, each naming the revision of the order that it answers.

The orchestrator decides on them; a fact that answers a superseded order is ignored. Facts are appended without
compare-and-set, so a fact may stand in a history twice: the second changes nothing.
"""

from typing import Literal

import msgspec

from tidegate_contracts.comparison import Compared
from tidegate_contracts.outside import Told
from tidegate_contracts.problem import Problem
from tidegate_contracts.score import Scored
from tidegate_contracts.templates import Assessed


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    rollout: str
    order_revision: int
    at_s: float
    """When it was seen, in epoch seconds, by the reporter's clock."""


class PodCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Pods of a workload by revision, read live; terminating pods are not counted."""

    replicas: int
    updated: int
    updated_ready: int
    stable: int
    stable_ready: int


class WorkloadPrepared(Fact, frozen=True, kw_only=True, tag="workload.prepared.v1"):
    """The change was tried without being made, and can be made."""

    stable_revision: str
    template_digest: str
    """Of the pod template as the API server would store it."""
    counts: PodCounts
    surge_possible: bool = True
    """Whether the user's own strategy lets new pods come before old ones go."""


class WorkloadRefused(Fact, frozen=True, kw_only=True, tag="workload.refused.v1"):
    """The order can't be carried out, whatever time passes."""

    problem: Problem


class BatchReady(Fact, frozen=True, kw_only=True, tag="workload.batch-ready.v1"):
    """The target's pods run the new revision and are ready, by a live read just before this was said."""

    step: int
    settled: bool
    """Whether the stable pods have shrunk to the rest, too."""
    canary_revision: str
    target_pods: int
    counts: PodCounts
    last_pod_ready_at_s: float | None = None
    """When the last pod of the batch was seen ready: the start of the hand-over that the bench measures."""


class BatchStalled(Fact, frozen=True, kw_only=True, tag="workload.batch-stalled.v1"):
    """No further pod got ready within the progress deadline, or pods can't start at all."""

    step: int
    reason: str
    pods: tuple[str, ...] = ()
    counts: PodCounts | None = None


class BatchDegraded(Fact, frozen=True, kw_only=True, tag="workload.batch-degraded.v1"):
    """Pods of a ready batch are no longer ready, and stayed so."""

    step: int
    reason: str
    counts: PodCounts


class BatchRecovered(Fact, frozen=True, kw_only=True, tag="workload.batch-recovered.v1"):
    """A degraded or stalled batch is ready again."""

    step: int
    counts: PodCounts


class WorkloadChanged(Fact, frozen=True, kw_only=True, tag="workload.changed.v1"):
    """Somebody else changed what the rollout stands on: the template, the hold, or a field that we own."""

    what: str
    by: str


class WorkloadGone(Fact, frozen=True, kw_only=True, tag="workload.gone.v1"):
    """The workload was deleted."""


class WorkloadPromoted(Fact, frozen=True, kw_only=True, tag="workload.promoted.v1"):
    """Every pod of the workload itself runs the new revision and is ready; pods beside it are still there."""

    counts: PodCounts


class WorkloadReleased(Fact, frozen=True, kw_only=True, tag="workload.released.v1"):
    """The workload is whole under its own strategy, and nothing of ours is left on it."""

    mode: Literal["promote", "restore", "let_go"]
    counts: PodCounts | None = None


class TrafficShifted(Fact, frozen=True, kw_only=True, tag="traffic.shifted.v1"):
    """The router accepted the share for the route's generation; a grace period that was asked for is over."""

    weight_percent: int
    accepted_at_s: float


class TrafficRefused(Fact, frozen=True, kw_only=True, tag="traffic.refused.v1"):
    """The route or a Service is missing, the router refuses, or somebody else owns the field."""

    problem: Problem


class TrafficRepaired(Fact, frozen=True, kw_only=True, tag="traffic.repaired.v1"):
    """The route had been edited under us and our part was put back on top."""

    what: str
    by: str


class TrafficReleased(Fact, frozen=True, kw_only=True, tag="traffic.released.v1"):
    """The user's own routes and Services are as they were."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One check's evidence: what was asked, what came back, and what the rule made of it."""

    check: str
    query: str
    verdict: Literal["pass", "fail", "inconclusive"]
    reason: str
    values: tuple[float | None, ...] = ()
    """The last values measured, oldest first; null where there was none."""
    minimum: float | None = None
    maximum: float | None = None
    measured: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    """Of a check: so many of the inconclusive ones had no answer from the provider; of a template's metric, `assessed`
    says it."""
    rule: str = ""
    """Of a check: how many measurements of which kind make which verdict, in words; `assessed` says it of a template's
    metric."""
    first_at_s: float | None = None
    last_at_s: float | None = None
    """Of a check: when it was first and last measured, in epoch seconds; None: not yet, or not known."""
    dry_run: bool = False
    """Of a check that decides nothing; of a template's metric, `assessed` says it."""
    compared: Compared | None = None
    """Of a check that compares: `values` are then the canary's."""
    assessed: Assessed | None = None
    """Of a template's metric: `check` is its name, and errors are counted as inconclusive."""
    told: Told | None = None
    """Of a verdict or an alert from outside: `query` is what it was waited for on."""


class AnalysisConcluded(Fact, frozen=True, kw_only=True, tag="analysis.concluded.v1"):
    """The verdict on a step, on the bake after the last one or, in the background, a bad one on the rollout, with its
    evidence.
    """

    scope: Literal["step", "bake", "background"]
    step: int
    verdict: Literal["pass", "fail", "inconclusive"]
    reason: str
    started_at_s: float
    measurements: tuple[Measurement, ...] = ()
    scored: Scored | None = None
    """Of an analysis with a score: what each check added to it."""


class AnalysisReleased(Fact, frozen=True, kw_only=True, tag="analysis.released.v1"):
    """Nothing is measured any more."""


WorkloadFact = (
    WorkloadPrepared
    | WorkloadRefused
    | BatchReady
    | BatchStalled
    | BatchDegraded
    | BatchRecovered
    | WorkloadChanged
    | WorkloadGone
    | WorkloadPromoted
    | WorkloadReleased
)
TrafficFact = TrafficShifted | TrafficRefused | TrafficRepaired | TrafficReleased
AnalysisFact = AnalysisConcluded | AnalysisReleased
AnyFact = WorkloadFact | TrafficFact | AnalysisFact

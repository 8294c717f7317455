"""What each service should make true now: one order per service, absolute, with all that it needs.

The builders are called by `evolve` when a decision changes a service's order, and only then, so that an
order's revision is the number of the decision that last changed it. `orders` reads them off a state; `handle`
publishes them.
"""

import msgspec
from msgspec.structs import replace

from tidegate_contracts.orders import (
    Analyse,
    AnalysisOrder,
    ApplyBatch,
    PlannedShare,
    PrepareWorkload,
    PromoteWorkload,
    ReleaseAnalysis,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
    TrafficOrder,
    WorkloadOrder,
)
from tidegate_contracts.plan import parse_target
from tidegate_contracts.rollout import HeaderChange, HttpMatch, RolloutRequested, Style, TrafficReference
from tidegate_orchestrator.state import Mode, Rollout, Workload


class Orders(msgspec.Struct, frozen=True):
    """The orders in force; None where a service was told nothing by this rollout, or not yet."""

    workload: WorkloadOrder | None = None
    traffic: TrafficOrder | None = None
    analysis: AnalysisOrder | None = None

    @property
    def each(self) -> tuple[WorkloadOrder | None, TrafficOrder | None, AnalysisOrder | None]:
        return self.workload, self.traffic, self.analysis


def orders(workload: Workload) -> Orders:
    rollout = workload.rollout
    if rollout is None:
        return Orders()
    pods, routes, judge = rollout.pods, rollout.routes, rollout.judge
    return Orders(
        pods.order if pods.told else None,
        routes.order if routes is not None else None,
        judge.order if judge is not None else None,
    )


def prepare(rollout: str, revision: int, request: RolloutRequested) -> PrepareWorkload:
    return PrepareWorkload(
        rollout=rollout,
        revision=revision,
        workload=request.workload,
        change=request.change,
        style=request.style,
        canary_metadata=request.canary_metadata,
    )


def apply_batch(rollout: Rollout, revision: int, step: int, *, settle: bool) -> ApplyBatch:
    """Stable pods may all go only where no request reaches them any more."""
    analysis = rollout.planned(step).analysis
    return replace(
        _batch(rollout, revision, step),
        settle=settle,
        baseline=analysis is not None and analysis.fresh_baseline,
        stable_minimum=1 if rollout.with_traffic and not rollout.shifted_whole else 0,
        ready_before=rollout.ready_pods if rollout.share != (0, ()) else 0,
    )


def return_batch(rollout: Rollout, revision: int, step: int) -> ApplyBatch:
    """Back to the pods of an earlier step."""
    return replace(_batch(rollout, revision, step), going_back=True)


def _batch(rollout: Rollout, revision: int, step: int) -> ApplyBatch:
    request = rollout.request
    threshold = request.failure_threshold
    return ApplyBatch(
        rollout=rollout.id,
        revision=revision,
        workload=request.workload,
        step=step,
        change=request.change,
        target=rollout.planned(step).target,
        template_digest=rollout.template_digest,
        stable_revision=rollout.stable_revision or "",
        canary_revision=rollout.canary_revision,
        batch=step,
        earlier=tuple(each.target for each in rollout.plan[: step - 1]),
        progress_deadline_s=request.deadlines.progress_s,
        style=request.style,
        canary_metadata=request.canary_metadata,
        pod_labels=request.pod_labels,
        failure_threshold=parse_target(threshold) if threshold is not None else None,
    )


def promote_workload(rollout: Rollout, revision: int) -> PromoteWorkload:
    request = rollout.request
    return PromoteWorkload(
        rollout=rollout.id,
        revision=revision,
        workload=request.workload,
        style=request.style,
        change=request.change,
        template_digest=rollout.template_digest,
        stable_revision=rollout.stable_revision or "",
        canary_revision=rollout.canary_revision,
        canary_metadata=request.canary_metadata,
        progress_deadline_s=request.deadlines.progress_s,
    )


def release_workload(
    rollout: str, revision: int, request: RolloutRequested, mode: Mode, stable_revision: str | None, *, style: Style
) -> ReleaseWorkload:
    return ReleaseWorkload(
        rollout=rollout,
        revision=revision,
        workload=request.workload,
        mode=mode,
        stable_revision=stable_revision,
        progress_deadline_s=request.deadlines.progress_s,
        style=style,
    )


def shift_traffic(
    rollout: Rollout,
    revision: int,
    step: int,
    weight_percent: int,
    matches: tuple[HttpMatch, ...],
    *,
    request_headers: HeaderChange | None = None,
    mirror_percent: int = 0,
    canary_pods: int = 0,
    lowering: bool,
    planned: tuple[PlannedShare, ...] = (),
) -> ShiftTraffic:
    return ShiftTraffic(
        rollout=rollout.id,
        revision=revision,
        workload=rollout.request.workload,
        step=step,
        traffic=rollout.request.traffic,
        stable_revision=rollout.stable_revision or "",
        canary_revision=rollout.canary_revision,
        canary_pods=canary_pods,
        weight_percent=weight_percent,
        matches=matches,
        request_headers=request_headers,
        mirror_percent=mirror_percent,
        deadline_s=rollout.request.deadlines.traffic_s,
        lowering=lowering,
        planned=planned,
    )


def planned_shares(rollout: Rollout) -> tuple[PlannedShare, ...]:
    """What the steps ask of the routes, each thing once."""
    before = {step.number: [each.requests for each in rollout.plan[: step.number - 1]] for step in rollout.plan}
    return tuple(
        PlannedShare(
            step=step.number,
            weight_percent=step.weight_percent or 0,
            matches=step.matches,
            request_headers=step.request_headers,
            mirror_percent=step.mirror_percent,
        )
        for step in rollout.plan
        if step.requests not in before[step.number]
    )


def release_traffic(
    rollout: str, revision: int, request: RolloutRequested, references: tuple[TrafficReference, ...]
) -> ReleaseTraffic:
    return ReleaseTraffic(
        rollout=rollout,
        revision=revision,
        workload=request.workload,
        traffic=references,
        deadline_s=request.deadlines.traffic_s,
    )


def analyse(rollout: Rollout, revision: int, step: int, since_s: float, *, with_step: bool = True) -> Analyse:
    """The background analysis, and with it the step's unless it is left out."""
    return Analyse(
        rollout=rollout.id,
        revision=revision,
        workload=rollout.request.workload,
        step=step,
        stable_revision=rollout.stable_revision or "",
        canary_revision=rollout.canary_revision,
        step_analysis=rollout.planned(step).analysis if with_step else None,
        background_analysis=rollout.request.background_at(step),
        since_s=since_s,
        deadline_s=rollout.request.deadlines.analysis_s,
    )


def analyse_bake(rollout: Rollout, revision: int, step: int, since_s: float, until_s: float) -> Analyse:
    """The bake's analysis until its end, and the background analysis with it."""
    bake = rollout.request.bake
    if bake is None or bake.analysis is None:
        return analyse(rollout, revision, step, since_s, with_step=False)
    return replace(
        analyse(rollout, revision, step, since_s),
        step_analysis=bake.analysis,
        watch_until_s=until_s,
        deadline_s=max(until_s - since_s, 0.0) + rollout.request.deadlines.analysis_s,
    )


def release_analysis(rollout: str, revision: int, request: RolloutRequested) -> ReleaseAnalysis:
    return ReleaseAnalysis(rollout=rollout, revision=revision, workload=request.workload)

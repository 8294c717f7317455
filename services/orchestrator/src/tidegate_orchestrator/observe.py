"""What services report, taken into a rollout's state: only what answers the order that is in force now.

Called by `evolve`. A fact is remembered whatever the phase, so that a rollout that was held finds it when it
goes on; what it leads to is decided elsewhere.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from tidegate_contracts.facts import (
    AnalysisConcluded,
    BatchDegraded,
    BatchReady,
    BatchRecovered,
    BatchStalled,
    Fact,
    TrafficRefused,
    TrafficReleased,
    TrafficShifted,
    WorkloadChanged,
    WorkloadGone,
    WorkloadPrepared,
    WorkloadPromoted,
    WorkloadRefused,
    WorkloadReleased,
)
from tidegate_contracts.orders import (
    Analyse,
    ApplyBatch,
    PrepareWorkload,
    PromoteWorkload,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
)
from tidegate_contracts.plan import least_ready
from tidegate_orchestrator.state import Baking, Judging, Rollout


def observe(rollout: Rollout, fact: Fact) -> Rollout:
    take = _TAKES.get(type(fact))
    if take is not None:
        rollout = take(rollout, fact)
    return replace(rollout, events=rollout.events + 1)


def _prepared(rollout: Rollout, fact: WorkloadPrepared) -> Rollout:
    pods = rollout.pods
    if fact.order_revision != pods.order.revision or not isinstance(pods.order, PrepareWorkload):
        return rollout
    return replace(
        rollout,
        pods=replace(pods, answer=fact, trouble=None),
        stable_revision=fact.stable_revision,
        template_digest=fact.template_digest,
        replicas=fact.counts.replicas,
    )


def _batch_ready(rollout: Rollout, fact: BatchReady) -> Rollout:
    """A late duplicate doesn't undo what was said after it: settled stays settled."""
    pods, order = rollout.pods, rollout.pods.order
    if not isinstance(order, ApplyBatch) or not _answers_batch(rollout, fact):
        return rollout
    if isinstance(pods.answer, BatchReady) and pods.answer.settled and not fact.settled:
        return rollout
    trouble = pods.trouble
    if trouble is not None and fact.at_s > trouble.at_s:
        trouble = None
    return replace(
        rollout,
        pods=replace(pods, answer=fact, trouble=trouble),
        canary_revision=fact.canary_revision,
        replicas=fact.counts.replicas,
        ready_pods=least_ready(fact.target_pods, order.failure_threshold),
    )


def _answers_batch(rollout: Rollout, fact: BatchReady | BatchStalled | BatchDegraded | BatchRecovered) -> bool:
    order = rollout.pods.order
    return fact.order_revision == order.revision and isinstance(order, ApplyBatch) and fact.step == order.step


def _batch_in_trouble(rollout: Rollout, fact: BatchStalled | BatchDegraded) -> Rollout:
    """A promotion or a release that stalls is trouble, too."""
    order = rollout.pods.order
    ending = isinstance(order, PromoteWorkload | ReleaseWorkload) and fact.order_revision == order.revision
    if not ending and not _answers_batch(rollout, fact):
        return rollout
    return replace(rollout, pods=replace(rollout.pods, trouble=fact))


def _batch_recovered(rollout: Rollout, fact: BatchRecovered) -> Rollout:
    if not _answers_batch(rollout, fact) or not isinstance(rollout.pods.trouble, BatchStalled | BatchDegraded):
        return rollout
    return replace(rollout, pods=replace(rollout.pods, trouble=None))


def _workload_in_trouble(rollout: Rollout, fact: WorkloadRefused | WorkloadChanged) -> Rollout:
    if fact.order_revision != rollout.pods.order.revision:
        return rollout
    return replace(rollout, pods=replace(rollout.pods, trouble=fact))


def _workload_gone(rollout: Rollout, fact: WorkloadGone) -> Rollout:
    """True of the world, whichever order it answers."""
    del fact
    return replace(rollout, gone=True)


def _workload_promoted(rollout: Rollout, fact: WorkloadPromoted) -> Rollout:
    pods = rollout.pods
    if fact.order_revision != pods.order.revision or not isinstance(pods.order, PromoteWorkload):
        return rollout
    return replace(rollout, pods=replace(pods, answer=fact, trouble=None))


def _workload_released(rollout: Rollout, fact: WorkloadReleased) -> Rollout:
    pods = rollout.pods
    if fact.order_revision != pods.order.revision or not isinstance(pods.order, ReleaseWorkload):
        return rollout
    return replace(rollout, pods=replace(pods, answer=fact, trouble=None))


def _traffic_shifted(rollout: Rollout, fact: TrafficShifted) -> Rollout:
    routes = rollout.routes
    if routes is None or not isinstance(routes.order, ShiftTraffic) or fact.order_revision != routes.order.revision:
        return rollout
    if fact.weight_percent != routes.order.weight_percent:
        return rollout
    return replace(rollout, routes=replace(routes, answered=True, refused=None))


def _traffic_released(rollout: Rollout, fact: TrafficReleased) -> Rollout:
    routes = rollout.routes
    if routes is None or not isinstance(routes.order, ReleaseTraffic) or fact.order_revision != routes.order.revision:
        return rollout
    return replace(rollout, routes=replace(routes, answered=True, refused=None))


def _traffic_refused(rollout: Rollout, fact: TrafficRefused) -> Rollout:
    routes = rollout.routes
    if routes is None or fact.order_revision != routes.order.revision or routes.given_back:
        return rollout
    return replace(rollout, routes=replace(routes, refused=fact.problem))


def _analysis_concluded(rollout: Rollout, fact: AnalysisConcluded) -> Rollout:
    """A pass counts only while its step is judged, a bad verdict always: it is about the same new version."""
    judge = rollout.judge
    if judge is None or not isinstance(judge.order, Analyse):
        return rollout
    if fact.scope == "background":
        if fact.verdict == "pass" or (fact.verdict != "fail" and fact.order_revision != judge.order.revision):
            return rollout
        return replace(rollout, judge=replace(judge, background=fact))
    if fact.order_revision != judge.order.revision or fact.step != judge.order.step:
        return rollout
    if fact.verdict != "fail" and not _is_awaited(rollout, fact, judge.order):
        return rollout
    return replace(rollout, judge=replace(judge, verdict=fact))


def _is_awaited(rollout: Rollout, fact: AnalysisConcluded, order: Analyse) -> bool:
    """Whether the phase waits for a verdict of this kind: one on a part of a bake is none on the whole of it."""
    phase = Baking if order.watch_until_s else Judging
    if not isinstance(rollout.phase, phase) or rollout.phase.step != fact.step:
        return False
    return fact.scope == ("bake" if order.watch_until_s else "step")


_TAKES: Final[dict[type[Fact], Callable[[Rollout, Any], Rollout]]] = {
    WorkloadPrepared: _prepared,
    WorkloadRefused: _workload_in_trouble,
    BatchReady: _batch_ready,
    BatchStalled: _batch_in_trouble,
    BatchDegraded: _batch_in_trouble,
    BatchRecovered: _batch_recovered,
    WorkloadChanged: _workload_in_trouble,
    WorkloadGone: _workload_gone,
    WorkloadPromoted: _workload_promoted,
    WorkloadReleased: _workload_released,
    TrafficShifted: _traffic_shifted,
    TrafficRefused: _traffic_refused,
    TrafficReleased: _traffic_released,
    AnalysisConcluded: _analysis_concluded,
}

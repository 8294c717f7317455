"""The fold of a new plan: what of a rollout's state, and of its standing orders, it makes anew.

Called by `evolve`. What is still to be done is read off the plan when its time comes; only what stands already by the
old plan is put right here. Where the rollout goes on was decided in `replanning`.
"""

from msgspec.structs import replace

from tidegate_contracts.decisions import PlanChanged
from tidegate_contracts.orders import Analyse, ApplyBatch, ShiftTraffic
from tidegate_contracts.plan import least_ready, parse_target
from tidegate_orchestrator import orders
from tidegate_orchestrator.state import (
    AtStep,
    Baking,
    Between,
    Clearing,
    Judge,
    Judging,
    Jumped,
    Pausing,
    Pinning,
    Pods,
    Preparing,
    Rollout,
    Routes,
    pods_of,
)


def plan_changed(rollout: Rollout, event: PlanChanged) -> Rollout:
    if not _fits(rollout, event):
        return rollout
    after = replace(rollout, request=event.request, plan=event.plan)
    if event.again:
        after = replace(after, judge=_judge(rollout, after, event))
        return replace(after, phase=Jumped(event.step), since_s=event.at_s)
    if isinstance(rollout.phase, Pausing):
        after = replace(after, phase=Pausing(event.step, event.until_s))
    if isinstance(rollout.phase, Baking):
        after = replace(after, phase=_bake(after, event))
    after = replace(after, judge=_judge(rollout, after, event), routes=_asked(after, event))
    return _tolerating(rollout, after, event.revision)


def _asked(after: Rollout, event: PlanChanged) -> Routes | None:
    """Before the first new pod routes are asked for the words for all steps, so for those of the new plan."""
    routes = after.routes
    if not isinstance(after.phase, Pinning) or routes is None or not isinstance(routes.order, ShiftTraffic):
        return routes
    planned = orders.planned_shares(after)
    return Routes(replace(routes.order, revision=event.revision, planned=planned), since_s=event.at_s)


def _bake(after: Rollout, event: PlanChanged) -> Baking | Between:
    """Where the plan has further steps, or no bake any more, it goes on with what comes next."""
    if event.step < len(after.plan) or after.request.bake is None or event.until_s is None:
        return Between(event.step)
    return Baking(event.step, event.until_s)


def _fits(rollout: Rollout, event: PlanChanged) -> bool:
    if isinstance(rollout.phase, Clearing | Preparing | Pinning):
        return event.step == 0
    place = event.step if event.again else rollout.step
    return isinstance(rollout.phase, AtStep) and event.step == place and 1 <= place <= len(event.plan)


def _tolerating(before: Rollout, after: Rollout, revision: int) -> Rollout:
    """With another threshold the batch in hand is looked at anew: nothing else of its order changes."""
    order, threshold = before.pods.order, after.request.failure_threshold
    unchanged = threshold == before.request.failure_threshold or not isinstance(before.phase, AtStep)
    if unchanged or not isinstance(order, ApplyBatch):
        return after
    allowed = parse_target(threshold) if threshold is not None else None
    ready_pods = min(after.ready_pods, least_ready(pods_of(order.target, after.replicas), allowed))
    ready_before = ready_pods if after.share != (0, ()) else 0
    order = replace(order, revision=revision, failure_threshold=allowed, ready_before=ready_before)
    return replace(after, ready_pods=ready_pods, pods=Pods(order))


def _judge(before: Rollout, after: Rollout, event: PlanChanged) -> Judge | None:
    """What is measured by the new plan. A bad verdict stands until somebody resumes, whatever is measured then."""
    judge, measures = before.judge, isinstance(before.phase, Judging | Pausing | Baking)
    standing = judge.order if judge is not None and isinstance(judge.order, Analyse) else None
    if standing is None and not measures:
        return judge
    if judge is not None and _speaks_against(judge):
        return judge
    step = _measured_step(standing, event, measures=measures)
    if standing is not None and event.again and standing.background_analysis == after.request.background_at(step):
        return judge  # as after a jump: a bad verdict on the step that is left may be on its way
    judging = isinstance(before.phase, Judging) and not event.again
    wanted = orders.analyse(after, event.revision, step, event.at_s, with_step=judging)
    if isinstance(after.phase, Baking) and not event.again:
        wanted = orders.analyse_bake(after, event.revision, event.step, event.at_s, after.phase.until_s)
    if standing is not None and _measures_the_same(standing, wanted, judging=isinstance(before.phase, Judging)):
        return judge
    if wanted.background_analysis is not None or wanted.step_analysis is not None:
        return Judge(wanted)
    return Judge(orders.release_analysis(after.id, event.revision, after.request)) if standing is not None else judge


def _measured_step(standing: Analyse | None, event: PlanChanged, *, measures: bool) -> int:
    """The last step that is or was measured. An order names the one that it began with, and goes on in later ones."""
    if standing is None or (measures and not event.again):
        return event.step
    return standing.step if event.again else max(standing.step, event.step - 1)


def _speaks_against(judge: Judge) -> bool:
    verdicts = (judge.verdict, judge.background)
    return any(verdict is not None and verdict.verdict != "pass" for verdict in verdicts)


def _measures_the_same(standing: Analyse, wanted: Analyse, *, judging: bool) -> bool:
    """A step that has its verdict is measured no more, whatever its order says; a bake until its time is over."""
    same_step = standing.step_analysis == wanted.step_analysis and standing.watch_until_s == wanted.watch_until_s
    matters = judging or standing.watch_until_s or wanted.watch_until_s
    return (same_step or not matters) and standing.background_analysis == wanted.background_analysis

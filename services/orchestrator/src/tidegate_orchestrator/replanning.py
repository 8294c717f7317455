"""Another plan for a rollout under way: whether it may be, and where the rollout goes on by it.

Called by `controls`. What it leads to in the state is in `replanned`. Nobody's hold is let go by a new plan, and no
verdict forgiven: it says only what is still to be done.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from tidegate_contracts.controls import Replan
from tidegate_contracts.limits import EVENTS_PER_ROLLOUT_MAX
from tidegate_contracts.orders import ApplyBatch
from tidegate_contracts.plan import PlannedStep, plan
from tidegate_contracts.problem import Problem
from tidegate_contracts.replanning import changed, fixed_problems
from tidegate_contracts.rollout import RolloutRequested
from tidegate_orchestrator.state import (
    AtStep,
    Baking,
    Between,
    Ending,
    Falling,
    Jumped,
    Pausing,
    Raising,
    Rollout,
    as_many,
    pods_of,
)


class Replanned(NamedTuple):
    """How a rollout goes on; the fields of `PlanChanged` that say so."""

    request: RolloutRequested
    plan: tuple[PlannedStep, ...]
    step: int
    again: bool
    until_s: float | None


def refusals(rollout: Rollout, control: Replan) -> tuple[Problem, ...]:
    """Everything that stands against it."""
    if rollout.events >= EVENTS_PER_ROLLOUT_MAX:
        rule = f"a history of fewer than {EVENTS_PER_ROLLOUT_MAX} events"
        return (_problem(rule, "Roll it back or cancel it."),)
    if isinstance(rollout.phase, Ending):
        return (_problem("a rollout whose end was not chosen yet", "Wait for its end."),)
    fixed = fixed_problems(rollout.id, rollout.request, control.request)
    if fixed:
        return fixed
    after = replanned(rollout, control.request)
    if after.request == rollout.request:
        return (_problem("another plan than the one that is carried out", "Nothing is left to do."),)
    return tuple(_traffic_problems(rollout, after))


def _traffic_problems(rollout: Rollout, after: Replanned) -> Iterator[Problem]:
    if not _falls(rollout, after.plan, after.step):
        return
    if rollout.stable_gone:
        yield _problem("stable pods that can take traffic back", "Leave the step its traffic, or roll it back.")


def replanned(rollout: Rollout, wanted: RolloutRequested) -> Replanned:
    request = changed(rollout.request, wanted)
    steps = plan(request)
    if not isinstance(rollout.phase, AtStep):
        return Replanned(request, steps, 0, again=False, until_s=None)
    step = _place(rollout, steps)
    again = step != rollout.step or _begins_anew(rollout, replace(rollout, request=request, plan=steps))
    return Replanned(request, steps, step, again, None if again else _end_of_wait(rollout, request, steps[step - 1]))


def _place(rollout: Rollout, steps: tuple[PlannedStep, ...]) -> int:
    """The first step with as many pods as the present one was to have: by the present number, or from the first on."""
    least = pods_of(rollout.planned(rollout.step).target, rollout.replicas)
    if rollout.step <= len(steps) and pods_of(steps[rollout.step - 1].target, rollout.replicas) >= least:
        return rollout.step
    return as_many(steps, least, rollout.replicas)


def _begins_anew(before: Rollout, after: Rollout) -> bool:
    """Whether what was done of the step already would be done otherwise by the new plan."""
    old, new = before.planned(before.step), after.planned(before.step)
    falls = _falls(before, after.plan, before.step)
    if isinstance(before.phase, Jumped | Falling):  # its pods are ordered next, anyway
        return falls and isinstance(before.phase, Falling)
    if falls or old.target != new.target:
        return True
    if isinstance(before.phase, Raising):
        order = before.pods.order
        return after.settles_at_once(new.number) and isinstance(order, ApplyBatch) and not order.settle
    if old.requests != new.requests:
        return True
    measured = isinstance(before.phase, Pausing | Baking | Between)
    return measured and new.analysis is not None and new.analysis != old.analysis


def _falls(rollout: Rollout, steps: tuple[PlannedStep, ...], step: int) -> bool:
    """Whether the new version would lose traffic that it has, or is on its way to."""
    if not rollout.with_traffic or step == 0:
        return False
    return (steps[step - 1].weight_percent or 0) < rollout.share[0]


def _end_of_wait(rollout: Rollout, request: RolloutRequested, step: PlannedStep) -> float | None:
    """Counted from the pause's, or the bake's, own beginning; one that was left out is over."""
    if isinstance(rollout.phase, Baking):
        return rollout.since_s + (request.bake.duration_s if request.bake is not None else 0.0)
    if not isinstance(rollout.phase, Pausing):
        return None
    if step.pause is None:
        return rollout.since_s
    return rollout.since_s + step.pause.duration_s if step.pause.duration_s is not None else None


def _problem(rule: str, remedy: str) -> Problem:
    return Problem(field="control", value="replan", rule=rule, remedy=remedy)

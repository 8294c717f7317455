"""What people and tools tell a rollout: each control is answered, by what it brings about or by a refusal
that says why.

Called by `decide`. A control that was answered before, seen by its message's id, brings nothing about a
second time.
"""

from typing import Final, assert_never

from tidegate_contracts.codec import tag_of
from tidegate_contracts.controls import Approve, Cancel, JumpToStep, Pause, Replan, Resume, Retry, RollBack
from tidegate_contracts.decisions import (
    BY_THE_REQUEST,
    CancellationStarted,
    ControlRefused,
    PlanChanged,
    PromotionStarted,
    RollbackStarted,
    RolloutPaused,
    RolloutResumed,
    StepCompleted,
    StepJumped,
    StepRetried,
)
from tidegate_contracts.limits import EVENTS_PER_ROLLOUT_MAX
from tidegate_contracts.problem import Problem, printable
from tidegate_orchestrator.draft import Draft
from tidegate_orchestrator.inputs import Told
from tidegate_orchestrator.replanning import refusals, replanned
from tidegate_orchestrator.state import AtStep, Baking, Ending, Pausing, Preparing, Raising, Rollout

SOMEBODY: Final = "somebody"

_Short = Approve | Pause | Resume | JumpToStep | Retry | RollBack | Cancel
"""A control that says all in one word; a new plan has rules of its own, in `replanning`."""

_Refusal = tuple[str, str] | None
"""The rule that a control breaks now, and the remedy."""


def obey(draft: Draft, told: Told) -> None:
    rollout = draft.workload.rollout
    if rollout is None or rollout.id != told.rollout or rollout.ended:
        _refuse(draft, told, "a rollout that is under way", "Nothing is left to do: it has ended.")
        return
    if isinstance(told.control, Replan):
        _replan(draft, rollout, told, told.control)
        return
    refusal = _refusal(rollout, told.control)
    if refusal is not None:
        _refuse(draft, told, *refusal)
        return
    _carry_out(draft, rollout, told.control)


def _replan(draft: Draft, rollout: Rollout, told: Told, control: Replan) -> None:
    problems = told.problems or refusals(rollout, control)
    if problems:
        _say_refused(draft, told, problems)
        return
    by = printable(control.by) or SOMEBODY
    reason = printable(control.reason) or f"asked for by {by}"
    draft.say(PlanChanged, **replanned(rollout, control.request)._asdict(), by=by, reason=reason)


def _refuse(draft: Draft, told: Told, rule: str, remedy: str) -> None:
    _say_refused(draft, told, (Problem(field="control", value=_name(told), rule=rule, remedy=remedy),))


def _say_refused(draft: Draft, told: Told, problems: tuple[Problem, ...]) -> None:
    active = draft.workload.active
    holder = active.id if active is not None else told.holder
    several = problems if len(problems) > 1 else ()
    fields = {"control": _name(told), "problem": problems[0], "problems": several}
    draft.say_of(told.rollout, ControlRefused, active=holder, **fields)


def _name(told: Told) -> str:
    return tag_of(told.control).split(".")[1]


def _refusal(rollout: Rollout, control: _Short) -> _Refusal:
    goal = rollout.phase.goal if isinstance(rollout.phase, Ending) else ""
    if isinstance(control, RollBack):
        fine = goal != "roll_back" or _hastens(rollout, control)
        return _unless(fine, "not rolling back yet, or in batches and asked to go at once", "Wait for its end.")
    if isinstance(control, Cancel):
        return _unless(goal != "cancel", "not cancelled yet", "Wait for its end.")
    if rollout.events >= EVENTS_PER_ROLLOUT_MAX:
        return f"a history of fewer than {EVENTS_PER_ROLLOUT_MAX} events", "Roll it back or cancel it."
    return _refusal_to_go_on(rollout, control)


def _hastens(rollout: Rollout, control: RollBack) -> bool:
    in_batches = isinstance(rollout.phase, Ending) and rollout.phase.step > 0
    return in_batches and control.pace == "at_once"


def _refusal_to_go_on(rollout: Rollout, control: Approve | Pause | Resume | JumpToStep | Retry) -> _Refusal:
    match control:
        case Approve():
            return _approval(rollout, control)
        case Pause():
            idle = isinstance(rollout.phase, Ending) or rollout.hold is not None
            return _unless(not idle, "neither paused nor ending", "Resume it, roll it back or cancel it.")
        case Resume():
            remedy = "Approve the step." if isinstance(rollout.phase, Pausing | Baking) else "Nothing is left to do."
            return _unless(rollout.hold is not None, "a paused rollout", remedy)
        case JumpToStep():
            return _jump(rollout, control)
        case Retry():
            return None
        case _:
            assert_never(control)


def _unless(fine: bool, rule: str, remedy: str) -> _Refusal:
    return None if fine else (rule, remedy)


def _approval(rollout: Rollout, control: Approve) -> _Refusal:
    if not isinstance(rollout.phase, Pausing | Baking):
        asked_to_wait = rollout.hold is not None and rollout.hold.by == BY_THE_REQUEST
        remedy = "Resume it to start its first batch." if asked_to_wait else "Wait until it does."
        return "a step that waits for approval", remedy
    if control.step is not None and control.step != rollout.step:
        return f"the step that waits, {rollout.step}", "Look again, then approve that one."
    return _unless(rollout.hold is None, "a rollout that is not paused as a whole", "Resume it first.")


def _jump(rollout: Rollout, control: JumpToStep) -> _Refusal:
    if not isinstance(rollout.phase, AtStep):
        return "a rollout that is at a step", "Wait for the first step; an ending can't be left."
    if not 1 <= control.step <= len(rollout.plan):
        return f"a step from 1 to {len(rollout.plan)}", "Choose one of these."
    falls = rollout.with_traffic and (rollout.planned(control.step).weight_percent or 0) < rollout.share[0]
    fine = not (falls and rollout.stable_gone)
    return _unless(fine, "stable pods that can take traffic back", "Roll it back instead.")


def _carry_out(draft: Draft, rollout: Rollout, control: _Short) -> None:
    by = printable(control.by) or SOMEBODY
    reason = printable(control.reason) or f"asked for by {by}"
    match control:
        case Approve():
            _approve(draft, rollout, by)
        case Pause():
            draft.say(RolloutPaused, reason=reason, by=by)
        case Resume():
            draft.say(RolloutResumed, by=by)
            if _starts_anew(rollout):
                draft.say(StepRetried, step=rollout.step, by=by)
        case JumpToStep():
            draft.say(StepJumped, from_step=rollout.step, to_step=control.step, by=by)
        case Retry():
            draft.say(StepRetried, step=rollout.step, by=by)
        case RollBack():
            draft.say(RollbackStarted, reason=reason, by=by, pace=control.pace)
        case Cancel():
            draft.say(CancellationStarted, reason=reason, by=by)
        case _:
            assert_never(control)


def _approve(draft: Draft, rollout: Rollout, by: str) -> None:
    if isinstance(rollout.phase, Baking):
        draft.say(PromotionStarted, approved_by=by)
    else:
        draft.say(StepCompleted, step=rollout.step, approved_by=by)


def _starts_anew(rollout: Rollout) -> bool:
    """After a doubt its cause is tried again; and nothing is raised on what was read before the pause."""
    assert rollout.hold is not None, "only what is held is resumed"
    read_before = isinstance(rollout.phase, Preparing) or (isinstance(rollout.phase, Raising) and rollout.with_traffic)
    return rollout.hold.is_doubt or read_before

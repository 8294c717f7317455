"""What a rollout looks like to somebody who only reads its events: the one place where events become a view.

Pure. `project` folds one rollout's events (and telemetry, where there is any); `list`, `show`, `watch` and the demo
draw what comes out. An event of a newer version that this one does not know changes nothing.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Final

import msgspec

from tidegate_cli.views import ENDED, Phase, RolloutView, StepView, Verdict
from tidegate_contracts import decisions, facts, telemetry
from tidegate_contracts.codec import AnyEvent

__all__ = ["ENDED", "Message", "RolloutView", "StepView", "Verdict", "apply", "project"]

Message = AnyEvent | telemetry.AnyTelemetry

STAGES: Final[dict[type[decisions.Decision], tuple[Phase, str]]] = {
    decisions.RolloutAccepted: ("preparing", "the change to be tried without being made"),
    decisions.PreparationStarted: ("preparing", "the change to be tried without being made"),
    decisions.TrafficPinStarted: ("pinning traffic", "the stable Service to be pinned"),
    decisions.StepStarted: ("adding pods", "the step's pods to be ready"),
    decisions.TrafficShiftStarted: ("shifting traffic", "the router to accept the step's share"),
    decisions.StepJudgingStarted: ("judging", "the stable pods to settle"),
    decisions.PauseStarted: ("pausing", "the step's pause to be over"),
    decisions.BakeStarted: ("baking", "the bake to be over"),
    decisions.PromotionStarted: ("promoting", "the routes and the workload to be given back"),
    decisions.RollbackStarted: ("rolling back", "the traffic to leave the new version"),
    decisions.CancellationStarted: ("cancelling", "the routes and the workload to be given back"),
}
"""Where a decision puts a rollout, and what it waits for from then on."""

WAITS: Final[dict[type[decisions.Decision], str]] = {
    decisions.StepCompleted: "",
    decisions.PodsPromotionStarted: "the workload's own pods to become the new version",
    decisions.BatchReturnStarted: "a batch of stable pods to come back",
    decisions.PodsReleaseStarted: "the workload to be given back",
    decisions.TrafficReleaseStarted: "the routes to be given back",
}
"""What is waited for from a decision on that begins no stage."""

APPROVAL: Final = "somebody to approve the step"

ENDS: Final[dict[type[decisions.Decision], Phase]] = {
    decisions.RolloutRejected: "rejected",
    decisions.RolloutCompleted: "completed",
    decisions.RolloutRolledBack: "rolled back",
    decisions.RolloutCancelled: "cancelled",
    decisions.RolloutSuperseded: "superseded",
    decisions.RolloutFailed: "failed",
}


def project(messages: Iterable[Message], view: RolloutView | None = None) -> RolloutView:
    """The view after the messages of one rollout, in order; goes on from `view` where one is given."""
    for message in messages:
        view = apply(view if view is not None else RolloutView(rollout=message.rollout), message)
    return view if view is not None else RolloutView(rollout="")


def apply(view: RolloutView, message: Message) -> RolloutView:
    """The view after one more message; one of another rollout changes nothing."""
    if message.rollout != view.rollout:
        return view
    if isinstance(message, telemetry.AnyTelemetry):
        return view if view.ended else _observed(view, message)
    if isinstance(message, decisions.Decision):
        return _decided(_set(view, last_event_at_s=message.at_s), message)
    return _reported(_set(view, last_event_at_s=message.at_s), message)


def _set(view: RolloutView, **changes: object) -> RolloutView:
    return msgspec.structs.replace(view, **changes)


def _observed(view: RolloutView, message: telemetry.AnyTelemetry) -> RolloutView:
    match message:
        case telemetry.PodsProgressed():
            return _set(view, counts=message.counts, waits_for=message.waiting_for or view.waits_for)
        case telemetry.TrafficObserved():
            asked = message.weight_asked_percent
            weight = asked if message.accepted else view.weight_percent
            waits = message.waiting_for or view.waits_for
            return _set(view, weight_percent=weight, weight_asked_percent=asked, waits_for=waits)
        case telemetry.MetricsMeasured():
            return _set(view, measured=message.measurements)


def _reported(view: RolloutView, fact: AnyEvent) -> RolloutView:
    changes: dict[str, object] = {}
    counts = getattr(fact, "counts", None)
    if counts is not None:
        changes["counts"] = counts
    match fact:
        case facts.WorkloadPrepared():
            changes["stable_revision"] = fact.stable_revision
        case facts.BatchReady():
            changes["canary_revision"] = fact.canary_revision
        case facts.TrafficShifted():
            changes["weight_percent"] = fact.weight_percent
        case facts.TrafficReleased():
            changes.update(weight_percent=None, weight_asked_percent=None)
        case facts.AnalysisConcluded():
            verdict = msgspec.convert(fact, Verdict, from_attributes=True)
            changes["verdicts"] = (*(kept for kept in view.verdicts if kept != verdict), verdict)
        case _:
            pass
    return _set(view, **changes)


def _decided(view: RolloutView, event: decisions.Decision) -> RolloutView:
    if type(event) in ENDS:
        return _ended(view, event)
    if isinstance(event, decisions.PlanChanged):
        return _replanned(view, event)
    phase, waits_for = STAGES.get(type(event), (view.phase, view.waits_for))
    staged = _set(view, phase=phase, waits_for=WAITS.get(type(event), waits_for))
    return _set(staged, **_of_steps(staged, event), **_of_the_whole(event))


def _of_steps(view: RolloutView, event: decisions.Decision) -> dict[str, object]:
    """What a decision about one step says beyond the stage that it begins."""
    match event:
        case decisions.StepStarted():
            return _at_step(view, event.step, event.at_s)
        case decisions.StepRetried(step=step) | decisions.StepJumped(to_step=step):
            return _at_step(view, step, event.at_s) | {"paused": None, "waits_for": ""}
        case decisions.StepCompleted():
            return {"steps": _completed(view.steps, event.step, event.at_s)}
        case decisions.TrafficShiftStarted(weight_percent=weight):
            return {"weight_asked_percent": weight, "waits_for": f"the router to accept {weight} %"}
        case decisions.StepJudgingStarted() | decisions.PauseStarted() | decisions.BakeStarted():
            return {"waits_for": _waits_for(view, event), "measured": ()}
        case _:
            return {}


def _of_the_whole(event: decisions.Decision) -> dict[str, object]:
    """What a decision about the whole rollout says beyond the stage that it begins."""
    match event:
        case decisions.RolloutAccepted():
            return _accepted(event)
        case decisions.RolloutPaused():
            return {"paused": event.reason or "by hand"}
        case decisions.RolloutResumed() | decisions.PromotionStarted():
            return {"paused": None}
        case decisions.RollbackStarted() | decisions.CancellationStarted():
            return {"paused": None, "reason": event.reason}
        case decisions.ControlRefused():
            return {"refused": event.problem}
        case _:
            return {}


def _accepted(event: decisions.RolloutAccepted) -> dict[str, object]:
    return {
        "workload": event.request.workload.name,
        "kind": event.request.workload.kind,
        "steps": tuple(StepView(plan=step) for step in event.plan),
        "request": event.request,
        "accepted_at_s": event.at_s,
    }


def _replanned(view: RolloutView, event: decisions.PlanChanged) -> RolloutView:
    """Steps of the same number keep what is known of them, as far as they lie behind or go on."""
    known = {step.plan.number: step for step in view.steps}
    steps = (msgspec.structs.replace(known.get(step.number, StepView(plan=step)), plan=step) for step in event.plan)
    view = _set(view, request=event.request, steps=tuple(steps))
    if event.step:
        view = _set(view, **_at_step(view, event.step, event.at_s))
    if view.phase == "baking" and event.until_s is not None:
        return _set(view, waits_for=_waits_in_bake(event.until_s))
    if view.phase != "pausing":
        return view
    return _set(view, waits_for=APPROVAL if event.until_s is None else STAGES[decisions.PauseStarted][1])


def _waits_in_judging(view: RolloutView) -> str:
    """Stable pods settle only in the style in which the new ones take their place."""
    settles = view.request is None or view.request.style == "partition"
    waits = [*(["the analysis"] if _is_analysed(view) else []), *(["the stable pods to settle"] if settles else [])]
    return ", and ".join(waits)


def _waits_for(
    view: RolloutView, event: decisions.StepJudgingStarted | decisions.PauseStarted | decisions.BakeStarted
) -> str:
    if isinstance(event, decisions.StepJudgingStarted):
        return _waits_in_judging(view)
    if isinstance(event, decisions.BakeStarted):
        return _waits_in_bake(event.until_s)
    return APPROVAL if event.until_s is None else STAGES[decisions.PauseStarted][1]


def _waits_in_bake(until_s: float) -> str:
    return f"the bake to be over, at {dt.datetime.fromtimestamp(until_s, tz=dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_analysed(view: RolloutView) -> bool:
    return any(step.plan.number == view.step and step.plan.analysis is not None for step in view.steps)


def _ended(view: RolloutView, event: decisions.Decision) -> RolloutView:
    problem = getattr(event, "problem", None)
    return _set(
        view,
        phase=ENDS[type(event)],
        waits_for="",
        paused=None,
        ended_at_s=event.at_s,
        reason=getattr(event, "reason", view.reason),
        problems=getattr(event, "problems", (problem,) if problem is not None else ()),
        superseded_by=getattr(event, "superseded_by", None),
    )


def _at_step(view: RolloutView, number: int, at_s: float) -> dict[str, object]:
    """`number` is the present step; those before it are done, those after it still to come."""
    return {"step": number, "steps": tuple(_placed(step, number, at_s) for step in view.steps), "measured": ()}


def _placed(step: StepView, number: int, at_s: float) -> StepView:
    if step.plan.number == number:
        return msgspec.structs.replace(step, state="now", started_at_s=step.started_at_s or at_s, ended_at_s=None)
    if step.plan.number < number:
        return step if step.state == "done" else msgspec.structs.replace(step, state="done", ended_at_s=at_s)
    return msgspec.structs.replace(step, state="to come", started_at_s=None, ended_at_s=None)


def _completed(steps: tuple[StepView, ...], number: int, at_s: float) -> tuple[StepView, ...]:
    return tuple(
        msgspec.structs.replace(step, state="done", ended_at_s=at_s) if step.plan.number == number else step
        for step in steps
    )

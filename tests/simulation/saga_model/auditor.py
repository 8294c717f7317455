"""An observer that knows the rules and nothing of the code: it reads the stream of events and says what is wrong.

Invariants of the history itself: approvals cite evidence of that very step (I4), the order of events is legal
(I5), one terminal event and none after it (I6), one active rollout (I11). What concerns pods and routes is
checked by `world`.
"""

from collections.abc import Callable
from typing import Any, Final

from saga_model.auditor_endings import WHOLE_PERCENT, EndingRules
from saga_model.rules import Violation
from saga_model.watched import Watched, background_from
from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import TERMINAL, Decision, PlanChanged, RolloutAccepted, RolloutRejected
from tidegate_contracts.facts import AnalysisConcluded, Fact
from tidegate_contracts.orders import Target

_NOTHING = Target(count=0)
TIMER_LATE_MAX_S = 5.0
_TERMINAL = frozenset(TERMINAL)
_TO_THE_END = ("promote", "let_go")


class Auditor(EndingRules):
    """`calm`: nothing is lost or late, so what is due must come in time. `scaled`: the workload's scale changes."""

    def __init__(self, *, calm: bool = False, scaled: bool = False) -> None:
        super().__init__()
        self.calm = calm
        self.scaled = scaled
        self.watched: Watched | None = None
        self.superseded: Watched | None = None
        self.ended: dict[str, str] = {}
        self.accepted: dict[str, RolloutAccepted] = {}
        self.plans: dict[str, list[RolloutAccepted | PlanChanged]] = {}
        self.used_causes: set[tuple[str, str]] = set()
        self.newest_request = 0
        self.events = 0
        self.decided_at_s: dict[int, float] = {}
        self.pod_orders: set[int] = set()
        """The decisions that may order a step's pods where none settle."""

    def limit(self, version: str, order_revision: int) -> Target | None:
        """How many pods of a version an order may bring: what was approved when it was given, not before or after.

        An older order stands until the newer one reaches its holder; and a count and a percentage, of two plans, say
        nothing about each other once somebody has scaled the workload.
        """
        if version == "v1":
            return None
        found = [target for since, target in self.approved.get(version, ()) if since <= order_revision]
        return found[-1] if found else _NOTHING

    def pods_ordered(self, revision: int) -> None:
        """A batch in a style in which no stable pod goes before the promotion."""
        self.require(revision in self.pod_orders, "I3 a second order for a step's pods though nothing settles")

    def plan_at(self, rollout: str, revision: int) -> RolloutAccepted | PlanChanged | None:
        """The plan that an order was made from."""
        found = [each for each in self.plans.get(rollout, ()) if each.revision <= revision]
        return found[-1] if found else None

    def take(self, event: AnyEvent) -> None:
        """Raises `Violation`."""
        self.events += 1
        if isinstance(event, Fact):
            watched = self.watched
            if watched is not None and watched.id == event.rollout:
                watched.hear(event)
                self._measured(event)
                if isinstance(event, AnalysisConcluded) and event.verdict == "fail":
                    watched.failed |= event.scope == "background" or event.order_revision == watched.judge_revision
            return
        self._decision(event)

    def _measured(self, fact: Fact) -> None:
        if not isinstance(fact, AnalysisConcluded) or fact.scope != "background":
            return
        plan = self.plan_at(fact.rollout, fact.order_revision)
        is_due = plan is not None and background_from(plan.request) <= fact.step
        self.require(is_due, "I4 measured in the background before its step")

    def _decision(self, event: Decision) -> None:
        kind = type(event).__name__
        if event.revision != self.revision + 1:
            raise Violation(f"I5 {kind} is number {event.revision} after {self.revision}")
        self.revision = event.revision
        self.decided_at_s[event.revision] = event.at_s
        if kind == "ControlRefused":
            return
        if isinstance(event, RolloutRejected):
            self._end(event, kind)
            return
        if isinstance(event, RolloutAccepted):
            self._accept(event)
            return
        watched = self.watched
        if watched is None or watched.id != event.rollout:
            raise Violation(f"I6 {kind} of a rollout that isn't active")
        rule = _RULES.get(kind)
        if rule is not None:
            rule(self, watched, event)
        if type(event) in _TERMINAL:
            self._end(event, kind)
            self.watched, self.superseded = None, watched if kind == "RolloutSuperseded" else None

    def _end(self, event: Decision, kind: str) -> None:
        if event.rollout in self.ended:
            raise Violation(f"I6 {kind} after {self.ended[event.rollout]}")
        self.ended[event.rollout] = kind

    def _accept(self, event: RolloutAccepted) -> None:
        self.require(self.watched is None, "I11 a second rollout became active")
        self.require(event.rollout not in self.accepted, "I6 a rollout was accepted twice")
        self.require(event.rollout not in self.ended, "I6 a rollout began after its end")
        self.require(event.request_sequence > self.newest_request, "I11 an older request superseded a newer one")
        self.newest_request = event.request_sequence
        self.accepted[event.rollout], self.plans[event.rollout] = event, [event]
        self._after_promotion(event)
        older = self.accepted.get(event.supersedes or "")
        if older is not None and event.inherited is not None and event.inherited.release_workload in _TO_THE_END:
            self.approve(Watched(older).revision, None)
        self.watched = Watched(event)

    def _after_promotion(self, event: RolloutAccepted) -> None:
        """A promotion is finished before its successor starts, or undone where it was on its way back."""
        older, inherited = self.superseded, event.inherited
        if older is None or not older.promote_revisions or older.gone():
            return
        mode = inherited.release_workload if inherited is not None else None
        released = any(kind == "WorkloadReleased" for kind, _ in older.answers)
        self.require(mode is not None or released, "I5 a workload was taken over halfway through its promotion")
        self.require(mode != "promote" or older.ending == "promoting", "I8 a version that was turned back was promoted")

    def _PreparationStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802 - named by event
        watched.prepare_revisions = [event.revision]

    def _TrafficPinStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        self.require(watched.prepared(), "I4 pinned unprepared")
        watched.shift_ordered(event.revision, 0)

    def _going_on(self, watched: Watched, event: Any) -> None:
        if watched.held:
            raise Violation(f"I7 {type(event).__name__} while paused")
        if watched.ending:
            raise Violation(f"I5 {type(event).__name__} while {watched.ending}")

    def _StepStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        step = event.step
        if watched.jumped:
            self.require(step == watched.jumped, "I5 another step than the one jumped to")
            fell = watched.shift_revision > watched.jumped_revision
            self.traffic_settled(watched, "I4 an earlier step was started while traffic moves", fell)
            if watched.weight > (watched.plan[step - 1].weight_percent or 0):
                raise Violation("I3 a step with less traffic was started before the traffic left")
        else:
            if step != watched.completed + 1:
                raise Violation(f"I5 step {step} after {watched.completed}")
            if step == 1:
                self.require(not watched.waits_first, "I2 a first batch that was to wait for somebody")
                self._first(watched)
            self.traffic_settled(watched, "I4 a step was started while traffic moves")
        watched.started(step, event.revision)
        self.pod_orders.add(event.revision)
        self.approve(watched.revision, watched.plan[step - 1].target)

    def _first(self, watched: Watched) -> None:
        self.require(watched.prepared(), "I4 started unprepared")
        self.require(not watched.traffic or watched.routed, "I2 the first pods came before the pin")

    def _TrafficShiftStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        weight = event.weight_percent
        if watched.jumped:
            self.require(weight < watched.weight, "I2 a jump raised the traffic before the pods")
        else:
            ready = watched.batch_ready()
            good = ready is not None and ready.step == event.step == watched.step
            self.require(good, "I2 traffic was raised without ready pods of that step")
            self.require(
                watched.pods_revision > watched.resumed_revision, "I4 traffic raised on news from before a pause"
            )
        self.require(weight == watched.plan[event.step - 1].weight_percent, "I2 another weight than planned")
        watched.shift_ordered(event.revision, weight)

    def _StepJudgingStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        self.require(event.step == watched.step, "I5 another step is judged")
        ready = watched.batch_ready()
        self.require(ready is not None and ready.step == event.step, "I4 judged before its pods were ready")
        self.traffic_settled(watched, "I4 judged before its traffic arrived")
        if watched.traffic:
            planned = watched.plan[event.step - 1].weight_percent
            self.require(watched.weight == planned, "I4 judged with another share of the traffic")
            if watched.settles:
                watched.pods_revision, watched.looked_anew = event.revision, ()
        watched.judging = True
        if watched.plan[event.step - 1].analysis is not None:
            watched.judged(event.step, event.revision, event.at_s)

    def _evidence(self, watched: Watched, step: int) -> None:
        self.require(not watched.failed, "I8 a step was approved in spite of a failing verdict")
        ready = watched.batch_ready()
        self.require(ready is not None and ready.step == step, "I4 a step ended before its pods were ready")
        self.require(ready.settled or watched.passes_through(step), "I4 a step ended before it settled")
        share = watched.plan[step - 1].weight_percent
        self.require(share in (None, watched.weight), "I4 a step ended with another share of the traffic")
        if watched.plan[step - 1].analysis is None:
            return
        verdict = watched.answer("AnalysisConcluded", watched.judge_revision)
        self.require(watched.judged_step == step and watched.judge_revision > watched.raised_at, "I4 never judged")
        self.require(verdict is not None and verdict.step == step, "I4 no verdict on that step")
        passed = ("step", watched.judge_revision) in watched.passed
        self.require(passed, "I8 a step was approved without a passing verdict")
        self.require(verdict.started_at_s >= watched.judged_at_s, "I4 measured before the step was ready")

    def _PauseStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        self._evidence(watched, event.step)
        watched.pause, watched.paused_at_s, watched.judging = (event.step, event.until_s), event.at_s, False

    def _StepCompleted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        self.require(event.step == watched.step, "I5 another step was completed")
        self.require(watched.raised_at > 0, "I4 a step was approved twice")
        self._evidence(watched, event.step)
        pause = watched.plan[event.step - 1].pause
        if pause is not None and pause.duration_s != 0:
            self.require(watched.pause is not None and watched.pause[0] == event.step, "I4 the pause was left out")
            assert watched.pause is not None
            until_s = watched.pause[1]
            timely = until_s is not None and event.at_s >= until_s
            self.require(timely or event.approved_by is not None, "I4 the pause was cut short")
            late = until_s is not None and event.at_s > max(until_s, watched.planned_at_s) + TIMER_LATE_MAX_S
            late = late and self.calm and not watched.ever_held
            self.require(not late, "I7 a pause went on though its time was over")
        if event.approved_by is not None:
            self._once(event)
        watched.completed = event.step
        watched.raised_at = 0

    def _once(self, event: Any) -> None:
        cause = (event.cause, type(event).__name__)
        if cause in self.used_causes:
            raise Violation(f"I4 {cause[0]} was obeyed twice")
        self.used_causes.add(cause)

    def _RolloutPaused(self, watched: Watched, event: Any) -> None:  # noqa: N802
        itself = event.by == "orchestrator"
        again = itself and watched.doubt_answered == event.cause
        self.require(not again, "I7 going on after a doubt led to the same doubt at once")
        watched.paused(event)
        watched.held, watched.doubted = not watched.ending, itself and not watched.ending
        if event.lowered:
            watched.shift_ordered(event.revision, 0)

    def _RolloutResumed(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._once(event)
        self._answered(watched, event)
        watched.held, watched.resumed_revision = False, event.revision

    def _answered(self, watched: Watched, event: Any) -> None:
        if watched.doubted:
            watched.doubted, watched.doubt_answered = False, event.cause

    def _StepRetried(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._once(event)
        self._answered(watched, event)
        watched.held = watched.failed = False
        if watched.ending:
            watched.promote_revisions += [event.revision] if watched.promote_revisions else []
            watched.return_revisions += [event.revision] if watched.return_step else []
            return
        watched.pause = None
        if watched.step and not watched.jumped:
            watched.raised(event.revision)
            self.pod_orders.add(event.revision)
        else:
            watched.prepare_revisions.append(event.revision)
            watched.routes_revisions += [event.revision] if watched.routes_revisions else []

    def _StepJumped(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._once(event)
        self._answered(watched, event)
        watched.held, watched.jumped, watched.pause, watched.failed = False, event.to_step, None, False
        watched.bakes_until_s = None
        watched.jumped_revision = event.revision

    def _PlanChanged(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._once(event)
        self.require(not watched.ending, f"I5 another plan while {watched.ending}")
        misplaced = watched.misplaced(event, scaled=self.scaled)
        self.require(not misplaced, misplaced)
        self.plans[event.rollout].append(event)
        self.pod_orders.add(event.revision)
        watched.replanned(event)

    def _BakeStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        self.require(watched.completed == event.step == len(watched.plan), "I4 baked before the last step was done")
        self.require(watched.bake is not None and watched.bakes_until_s is None, "I5 a bake that nobody asked for")
        assert watched.bake is not None
        self.require(not watched.traffic or watched.weight == WHOLE_PERCENT, "I2 a bake without all of the traffic")
        self.require(event.until_s >= event.at_s + watched.bake.duration_s, "I4 the bake was cut short")
        watched.bake_started(event)

    def _baked(self, watched: Watched, event: Any) -> None:
        """Its time is over and its analysis has passed, or somebody ended it."""
        until_s, bake = watched.bakes_until_s, watched.bake
        assert bake is not None
        self.require(until_s is not None, "I4 the bake was left out")
        assert until_s is not None
        if event.approved_by is not None:
            self._once(event)
            return
        self.require(event.at_s >= until_s, "I4 the bake was cut short")
        if bake.analysis is not None:
            passed = ("bake", watched.judge_revision) in watched.passed
            self.require(passed, "I8 a bake ended without a passing verdict")
            return
        late = event.at_s > max(until_s, watched.planned_at_s) + TIMER_LATE_MAX_S
        self.require(not (late and self.calm and not watched.ever_held), "I7 a bake went on though its time was over")

    def _PromotionStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self._going_on(watched, event)
        self.require(watched.completed == len(watched.plan), "I4 promoted before the last step was done")
        self.require(not watched.failed, "I8 promoted in spite of a failing verdict")
        if watched.bake is not None:
            self._baked(watched, event)
        watched.ending, watched.promoted = "promoting", True
        self.approve(watched.revision, None)


_RULES: Final[dict[str, Callable[[Auditor, Watched, Any], None]]] = {
    name[1:]: getattr(Auditor, name) for name in dir(Auditor) if name[1:2].isupper()
}
"""What holds for a decision, by the decision's name; most have a rule of their own."""

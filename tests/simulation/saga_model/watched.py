"""What an observer of the history knows of the rollout that holds the workload. Kept by `auditor`."""

import math
from typing import Any

from saga_model.options import REPLICAS
from tidegate_contracts.decisions import BakeStarted, PlanChanged, RolloutAccepted, RolloutPaused
from tidegate_contracts.facts import AnalysisConcluded, BatchReady, Fact
from tidegate_contracts.orders import Target
from tidegate_contracts.plan import PlannedStep
from tidegate_contracts.rollout import RolloutRequested

_NOTHING = Target(count=0)


def pods_of(target: Target) -> int:
    """As long as nobody scales."""
    return target.count if target.count is not None else -(-REPLICAS * (target.percent or 0) // 100)


def background_from(request: RolloutRequested) -> float:
    """The step with which the analysis in the background begins; none where there is none."""
    return request.analysis_from_step if request.analysis is not None else math.inf


class Watched:
    """What the auditor knows of the active rollout, from decisions and the facts that answer them."""

    bakes_until_s: float | None = None
    """While it bakes."""
    bake_began_s = 0.0

    def __init__(self, accepted: RolloutAccepted) -> None:
        self.id = accepted.rollout
        change = accepted.request.change
        self.revision = change.images["web"].partition(":")[2] if change is not None else ""
        self.plan: tuple[PlannedStep, ...] = accepted.plan
        self.traffic = bool(accepted.request.traffic)
        self.settles = accepted.request.strategy == "partition"
        """Whether stable pods go as new ones come; otherwise all of them stay until the promotion."""
        self.background_from, self.bake = background_from(accepted.request), accepted.request.bake
        inherited = accepted.inherited
        self.clearing = inherited is not None and inherited.release_after_traffic
        self.promote_revisions: list[int] = []
        self.routed = inherited is not None and bool(inherited.traffic)
        self.pods_revision = accepted.revision
        self.looked_anew: tuple[int, ...] = ()
        """Decisions that ordered the batch in hand once more, with another threshold."""
        self.threshold = accepted.request.failure_threshold
        self.prepare_revisions = [accepted.revision]
        self.routes_revisions = [accepted.revision] if self.routed else []
        self.batch_revision = self.shift_revision = self.judge_revision = self.judged_step = 0
        self.passed: set[tuple[str, int]] = set()
        """By scope, the orders on which a pass was said, whatever came after it: it may be measured again."""
        self.judged_at_s = 0.0
        self.failed = False
        """Whether a failing verdict stands that nobody has answered by trying again."""
        self.answers: dict[tuple[str, int], Any] = {}
        self.weight = 0
        self.step = 0
        self.highest = 0
        """The latest step that was started, or its place in a plan that came after it."""
        self.most = _NOTHING
        """The most pods that were ordered."""
        self.completed = self.jumped = self.jumped_revision = 0
        self.pause: tuple[int, float | None] | None = None
        self.paused_at_s = 0.0
        self.planned_at_s = 0.0
        """When the plan came that is in force, if it wasn't the first one: a pause may be over by it at once."""
        self.held = self.ever_held = self.releasing = self.routes_released = self.promoted = self.judging = False
        self.waits_first = bool(accepted.request.paused_because)
        """Whether the pause before its first batch, which was asked for, has not come yet."""
        self.resumed_revision = 0
        self.doubted = False
        self.doubt_answered = ""
        self.ending = ""
        self.ending_revision = 0
        self.raised_at = 0
        self.pace = accepted.request.rollback
        self.return_step = 0
        """The step that the pods went back to last; 0 before they did."""
        self.return_revisions: list[int] = []

    def paused(self, event: RolloutPaused) -> None:
        self.ever_held = True
        self.waits_first = self.waits_first and not event.before_start

    def bake_started(self, event: BakeStarted) -> None:
        self.bakes_until_s, self.bake_began_s, self.judging = event.until_s, event.at_s, False
        if self.bake is not None and self.bake.analysis is not None:
            self.judged(event.step, event.revision, event.at_s)

    def _rebaked(self, event: PlanChanged, *, watched_anew: bool) -> None:
        """Where the bake goes on by the new plan, and whether it is measured anew."""
        before, self.bake = self.bake, event.request.bake
        if self.bakes_until_s is None:
            return
        if event.again or self.bake is None or event.step < len(event.plan):
            self.bakes_until_s = None
            return
        self.bakes_until_s = self.bake_began_s + self.bake.duration_s
        if self.bake.analysis is not None and (self.bake != before or watched_anew):
            self.judged(event.step, event.revision, event.at_s)

    def started(self, step: int, revision: int) -> None:
        self.step, self.jumped, self.pause = step, 0, None
        self.raised(revision)
        target = self.plan[step - 1].target
        if pods_of(target) >= pods_of(self.most):
            self.highest, self.most = step, target

    def raised(self, revision: int) -> None:
        self.pods_revision = self.raised_at = self.batch_revision = revision
        self.looked_anew, self.judging, self.bakes_until_s = (), False, None

    def _is_analysed_anew(self, event: PlanChanged) -> bool:
        """Whether the step that is being judged is measured by something else from now on."""
        if not self.judging:
            return False  # a step that an earlier plan had may be in no plan any more
        watched = background_from(event.request) <= event.step
        before, after = self.plan[self.step - 1], event.plan[event.step - 1]
        return watched != (self.background_from <= self.step) or before.analysis != after.analysis

    def judged(self, step: int, revision: int, at_s: float) -> None:
        self.judge_revision, self.judged_step, self.judged_at_s = revision, step, at_s

    def batch_ready(self) -> Any:
        """What was last reported of the pods in hand."""
        revisions = (*reversed(self.looked_anew), self.pods_revision)
        return next((found for each in revisions if (found := self.answer("BatchReady", each)) is not None), None)

    def misplaced(self, event: PlanChanged, *, scaled: bool) -> str:
        """What is wrong with where it goes on by another plan."""
        at = self.jumped or self.step
        if bool(at) != bool(event.step):
            return f"I5 at step {at}, and on at {event.step} of another plan"
        if not at:
            return ""
        had, has = pods_of(self.plan[at - 1].target), pods_of(event.plan[event.step - 1].target)
        if has < had and not scaled:
            return f"I1 another plan has {has} pods where {had} were ordered"
        kept = event.plan[event.step - 1].target == self.plan[at - 1].target
        same = event.step == at and (kept or self.jumped == at)
        return "" if event.again or same else "I5 goes on in a step that was never started"

    def replanned(self, event: PlanChanged) -> None:
        """Where it is by the new plan; a step that is begun anew was jumped to."""
        looks_anew = event.request.failure_threshold != self.threshold
        analysed_anew = self._is_analysed_anew(event)
        watched_anew = self.background_from != background_from(event.request)
        self._rebaked(event, watched_anew=watched_anew)
        self.plan, self.background_from = event.plan, background_from(event.request)
        self.pace, self.threshold = event.request.rollback, event.request.failure_threshold
        self.planned_at_s = event.at_s
        if not event.step:
            # Routes that are being pinned are asked again, for the new plan's words.
            self.routes_revisions += [event.revision] if self.routes_revisions else []
            return
        reaching = (step.number for step in event.plan if pods_of(step.target) >= pods_of(self.most))
        # Of several steps with as many pods the rollout may stand at a later one than the first.
        self.highest = max(next(reaching, len(event.plan)), event.step) if self.highest else 0
        if event.again:
            self.jumped, self.jumped_revision, self.pause, self.judging = event.step, event.revision, None, False
            self.judge_revision = 0 if watched_anew else self.judge_revision  # what is measured was ordered anew
            return
        if analysed_anew:
            self.judged(event.step, event.revision, event.at_s)
        if looks_anew:
            self.looked_anew += (event.revision,)
        if self.pause is not None:
            self.pause = event.step, self._pause_ends_s(event.plan[event.step - 1])

    def _pause_ends_s(self, step: PlannedStep) -> float | None:
        if step.pause is None:
            return self.paused_at_s
        return None if step.pause.duration_s is None else self.paused_at_s + step.pause.duration_s

    def passes_through(self, step: int) -> bool:
        """Whether nothing is waited for between this step and the next one's pods."""
        planned = self.plan[step - 1]
        waits = planned.analysis is not None or (planned.pause is not None and planned.pause.duration_s != 0)
        waits = waits or (self.bake is not None and step == len(self.plan))
        return not (self.traffic or self.background_from <= step or waits)

    def answer(self, kind: str, revision: int) -> Any:
        return self.answers.get((kind, revision))

    def hear(self, fact: Fact) -> None:
        place = type(fact).__name__, fact.order_revision
        if place in self.answers and isinstance(fact, BatchReady) and not fact.settled:
            return
        self.answers[place] = fact
        if isinstance(fact, AnalysisConcluded) and fact.verdict == "pass":
            self.passed.add((fact.scope, fact.order_revision))

    def answers_since(self, revision: int, kinds: tuple[str, ...]) -> bool:
        return any(kind in kinds and answered >= revision for kind, answered in self.answers)

    def gone(self) -> bool:
        return any(kind == "WorkloadGone" for kind, _ in self.answers)

    def prepared(self) -> bool:
        return any(("WorkloadPrepared", revision) in self.answers for revision in self.prepare_revisions)

    def shift_ordered(self, revision: int, weight: int) -> None:
        self.routes_revisions, self.shift_revision = [revision], revision
        self.weight, self.routed = weight, True

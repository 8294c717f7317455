"""What an observer of the history knows of the rollout that holds the workload. Kept by `auditor`."""

from typing import Any

from tidegate_contracts.decisions import RolloutAccepted
from tidegate_contracts.facts import BatchReady, Fact
from tidegate_contracts.plan import PlannedStep


class Watched:
    """What the auditor knows of the active rollout, from decisions and the facts that answer them."""

    def __init__(self, accepted: RolloutAccepted) -> None:
        self.id = accepted.rollout
        change = accepted.request.change
        self.revision = change.images["web"].partition(":")[2] if change is not None else ""
        self.plan: tuple[PlannedStep, ...] = accepted.plan
        self.traffic = bool(accepted.request.traffic)
        self.settles = accepted.request.strategy == "partition"
        """Whether stable pods go as new ones come; otherwise all of them stay until the promotion."""
        self.background = accepted.request.analysis is not None
        inherited = accepted.inherited
        self.clearing = inherited is not None and inherited.release_after_traffic
        self.promote_revisions: list[int] = []
        self.routed = inherited is not None and bool(inherited.traffic)
        self.pods_revision = accepted.revision
        self.prepare_revisions = [accepted.revision]
        self.routes_revisions = [accepted.revision] if self.routed else []
        self.batch_revision = 0
        self.shift_revision = 0
        self.judge_revision = 0
        self.judged_step = 0
        self.judged_at_s = 0.0
        self.failed = False
        """Whether a failing verdict stands that nobody has answered by trying again."""
        self.answers: dict[tuple[str, int], Any] = {}
        self.weight = 0
        self.step = 0
        self.highest = 0
        self.completed = 0
        self.jumped = 0
        self.jumped_revision = 0
        self.pause: tuple[int, float | None] | None = None
        self.held = self.ever_held = False
        self.resumed_revision = 0
        self.doubted = False
        self.doubt_answered = ""
        self.ending = ""
        self.ending_revision = 0
        self.releasing = False
        self.routes_released = False
        self.raised_at = 0
        self.promoted = False
        self.pace = accepted.request.rollback
        self.return_step = 0
        """The step that the pods went back to last; 0 before they did."""
        self.return_revisions: list[int] = []

    def passes_through(self, step: int) -> bool:
        """Whether nothing is waited for between this step and the next one's pods."""
        planned = self.plan[step - 1]
        waits = planned.analysis is not None or (planned.pause is not None and planned.pause.duration_s != 0)
        return not (self.traffic or self.background or waits)

    def answer(self, kind: str, revision: int) -> Any:
        return self.answers.get((kind, revision))

    def hear(self, fact: Fact) -> None:
        place = type(fact).__name__, fact.order_revision
        if place in self.answers and isinstance(fact, BatchReady) and not fact.settled:
            return
        self.answers[place] = fact

    def answers_since(self, revision: int, kinds: tuple[str, ...]) -> bool:
        return any(kind in kinds and answered >= revision for kind, answered in self.answers)

    def gone(self) -> bool:
        return any(kind == "WorkloadGone" for kind, _ in self.answers)

    def prepared(self) -> bool:
        return any(("WorkloadPrepared", revision) in self.answers for revision in self.prepare_revisions)

    def shift_ordered(self, revision: int, weight: int) -> None:
        self.routes_revisions, self.shift_revision = [revision], revision
        self.weight, self.routed = weight, True

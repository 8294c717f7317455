"""Remembers what folding an event onto a state gave: both copies read the same history, and `evolve` is pure.

Only for the very same state object. A copy that came to its state by another way folds for itself, and the replays
at the end know nothing of this.
"""

from typing import NamedTuple

from tidegate_contracts.codec import AnyEvent
from tidegate_orchestrator.evolve import evolve
from tidegate_orchestrator.state import Workload


class _Folded(NamedTuple):
    before: Workload
    after: Workload
    upto: int


class Folds:
    """Args: the log, whose places are counted from 0."""

    def __init__(self, log: list[AnyEvent]) -> None:
        self._log = log
        self._known: dict[int, _Folded] = {}
        self._rollouts: dict[str, tuple[Workload, int]] = {}

    def onto(self, workload: Workload, start: int, upto: int, *, only: str | None = None) -> Workload:
        """The state after the events from `start` to before `upto`: all, or those of one rollout."""
        place = start
        while place < upto:
            if only is not None and self._log[place].rollout != only:
                place += 1
                continue
            known = self._known.get(place)
            if known is None or known.before is not workload or known.upto > upto:
                known = self._known[place] = _Folded(workload, evolve(workload, self._log[place]), place + 1)
            workload, place = known.after, known.upto
        return workload

    def of(self, rollout: str, upto: int) -> Workload:
        """The state after one rollout's events before `upto`."""
        workload, place = self._rollouts.get(rollout, (_NOTHING, 0))
        if place > upto:
            workload, place = _NOTHING, 0
        workload = self.onto(workload, place, upto, only=rollout)
        self._rollouts[rollout] = (workload, upto)
        return workload

    def decided(self, before: Workload, start: int, after: Workload, upto: int) -> None:
        """Whoever decided has folded its own decisions."""
        if len({event.rollout for event in self._log[start:upto]}) == 1:
            self._known[start] = _Folded(before, after, upto)


_NOTHING = Workload()

"""Decisions while they are being taken: each is numbered, and the next one is decided on the state that it
leads to.

Used by everything below `decide`; nothing of it outlives one call.
"""

from typing import Any, NamedTuple

from tidegate_contracts.decisions import TERMINAL, AnyDecision, Decision
from tidegate_orchestrator.evolve import evolve
from tidegate_orchestrator.state import Workload


class Say(NamedTuple):
    """A decision about the active rollout, without what `Draft` fills in."""

    kind: type[Decision]
    fields: dict[str, Any]


class Draft:
    """Args: the state to decide on, the id of the message that is answered, and the time."""

    def __init__(self, workload: Workload, cause: str, now_s: float) -> None:
        self.workload = workload
        self.now_s = now_s
        self.decisions: list[AnyDecision] = []
        self._cause = cause

    def say(self, kind: type[Decision], **fields: Any) -> None:
        """Adds a decision about the active rollout."""
        active = self.workload.active
        assert active is not None, f"{kind.__name__} is said of an active rollout only"
        self.say_of(active.id, kind, active=None if kind in TERMINAL else active.id, **fields)

    def say_of(self, rollout: str, kind: type[Decision], *, active: str | None, **fields: Any) -> None:
        """Adds a decision about any rollout; `active` holds the workload afterwards."""
        decision: Any = kind(
            rollout=rollout,
            revision=self.workload.revision + 1,
            active=active,
            cause=self._cause,
            at_s=self.now_s,
            **fields,
        )
        self.decisions.append(decision)
        self.workload = evolve(self.workload, decision)

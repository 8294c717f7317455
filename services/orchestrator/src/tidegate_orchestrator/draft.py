"""Decisions while they are being taken: each is numbered, and the next one is decided on the state that it
leads to.

Used by everything below `decide`; nothing of it outlives one call.
"""

from typing import Any, Final

import msgspec

from tidegate_contracts.decisions import TERMINAL, AnyDecision, Decision
from tidegate_orchestrator.evolve import evolve
from tidegate_orchestrator.state import Workload

_TERMINAL: Final = frozenset(TERMINAL)


class Say(msgspec.Struct, frozen=True):
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
        self.add(Say(kind, fields))

    def add(self, said: Say) -> None:
        """The same with what was found to be said."""
        active = self.workload.active
        assert active is not None, f"{said.kind.__name__} is said of an active rollout only"
        self._decide(said, active.id, None if said.kind in _TERMINAL else active.id)

    def say_of(self, rollout: str, kind: type[Decision], *, active: str | None, **fields: Any) -> None:
        """Adds a decision about any rollout; `active` holds the workload afterwards."""
        self._decide(Say(kind, fields), rollout, active)

    def _decide(self, said: Say, rollout: str, active: str | None) -> None:
        decision: Any = said.kind(
            rollout=rollout,
            revision=self.workload.revision + 1,
            active=active,
            cause=self._cause,
            at_s=self.now_s,
            **said.fields,
        )
        self.decisions.append(decision)
        self.workload = evolve(self.workload, decision)

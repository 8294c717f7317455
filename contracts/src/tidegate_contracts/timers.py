"""A wake-up call of the orchestrator to itself. Only a hint: the history says what is due, a sweep finds lost ones."""

import msgspec


class TimerDue(msgspec.Struct, frozen=True, kw_only=True, tag="timer.due.v1"):
    rollout: str
    revision: int
    """The decision that asked for it."""
    due_s: float

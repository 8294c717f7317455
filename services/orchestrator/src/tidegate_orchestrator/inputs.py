"""What the orchestrator may be told, with everything that deciding on it needs: the inputs of `decide`.

Made by `handle` from delivered messages and from what it looked up. `id` is the message's own, the same at
every delivery; it becomes the cause of the decisions.
"""

import msgspec

from tidegate_contracts.controls import Control
from tidegate_contracts.decisions import RolloutAccepted, RolloutRejected
from tidegate_contracts.facts import AnyFact
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import RolloutRequested


class Requested(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants a rollout of this workload."""

    id: str
    request: RolloutRequested | None
    """None where it could not be read: `problems` says why."""
    sequence: int
    """Its place in the stream of requests."""
    rollout: str
    """The id that it asks for, or the one made from its message."""
    spare_rollout: str
    """The id made from its message: where a rejection stands whose own id is unusable."""
    problems: tuple[Problem, ...] = ()
    earlier: tuple[RolloutAccepted | RolloutRejected, ...] = ()
    """What was said before under either id, anywhere in the namespace."""
    newest: RolloutAccepted | None = None
    """The workload's last accepted request."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody tells a rollout what to do."""

    id: str
    rollout: str
    control: Control
    problems: tuple[Problem, ...] = ()
    """What is wrong with the control by itself."""
    holder: str | None = None
    """The rollout that holds the workload, where it isn't this one."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A service reported a fact; it stands in the history, and so in the state, already."""

    id: str
    fact: AnyFact


class Woken(msgspec.Struct, frozen=True, kw_only=True):
    """Time has passed, says a timer or the sweep; whether anything is due, the state knows."""

    id: str


Input = Requested | Told | Reported | Woken

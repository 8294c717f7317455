"""Decides for as long as there is something to decide: the one loop under every input.

Called by `decide` after an input was looked at. It reads the state only, so that a message delivered twice,
late or out of order finds its decision taken, or takes the one that the state calls for.
"""

from typing import Final

from tidegate_orchestrator.alarms import alarm
from tidegate_orchestrator.draft import Draft, Say
from tidegate_orchestrator.endings import onward
from tidegate_orchestrator.state import Ending, Rollout
from tidegate_orchestrator.steps import forward

DECISIONS_AT_ONCE_MAX: Final = 100
"""More from one message would be a loop; the longest chain is a handful."""


def advance(draft: Draft) -> None:
    for _ in range(DECISIONS_AT_ONCE_MAX):
        rollout = draft.workload.active
        said = _next(rollout, draft.now_s) if rollout is not None else None
        if said is None:
            return
        draft.add(said)
    raise AssertionError("one message led to a loop of decisions")


def raise_alarm(draft: Draft) -> None:
    """Says first what went wrong and nobody has answered yet, such as a bad verdict that came in just before."""
    rollout = draft.workload.active
    if rollout is not None and not isinstance(rollout.phase, Ending):
        said = alarm(rollout, draft.now_s)
        if said is not None:
            draft.add(said)


def _next(rollout: Rollout, now_s: float) -> Say | None:
    if isinstance(rollout.phase, Ending):
        return onward(rollout, rollout.phase, now_s)
    said = alarm(rollout, now_s)
    if said is not None or rollout.hold is not None:
        return said
    return forward(rollout, now_s)

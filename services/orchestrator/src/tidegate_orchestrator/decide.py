"""The decider: what follows from a message, given everything that is known. Pure, as all below it.

Called by `handle` with the folded history. The decisions go into the history by compare-and-set; the orders
of the state that they lead to are published then.
"""

from typing import Final, assert_never

import msgspec

from tidegate_contracts.controls import Approve, Replan
from tidegate_contracts.decisions import AnyDecision
from tidegate_orchestrator.advance import advance, raise_alarm
from tidegate_orchestrator.controls import obey
from tidegate_orchestrator.draft import Draft
from tidegate_orchestrator.inputs import Input, Reported, Requested, Told, Woken
from tidegate_orchestrator.legal import fault
from tidegate_orchestrator.requests import consider
from tidegate_orchestrator.state import Workload

_ANSWERED_BY_STATE: Final = frozenset((Reported, Woken))
"""Messages that decide nothing by themselves: whether anything follows from them, the state says."""


class Decided(msgspec.Struct, frozen=True):
    decisions: tuple[AnyDecision, ...]
    """In order, numbered after the workload's last; none where there is nothing to decide."""
    workload: Workload
    """The state that they lead to."""


def decide(workload: Workload, message: Input, now_s: float) -> Decided:
    rollout = workload.rollout
    if rollout is not None and type(message) not in _ANSWERED_BY_STATE and rollout.answered_before(message.id):
        return Decided((), workload)
    draft = Draft(workload, message.id, now_s)
    match message:
        case Requested():
            consider(draft, message)
        case Told():
            if isinstance(message.control, Approve | Replan):
                raise_alarm(draft)  # who said so had not seen it, or would not have
            obey(draft, message)
        case Reported():
            if rollout is None or message.fact.rollout != rollout.id:
                return Decided((), workload)
        case Woken():
            pass
        case _:
            assert_never(message)
    advance(draft)
    wrong = fault(draft.workload)
    assert wrong is None, wrong
    return Decided(tuple(draft.decisions), draft.workload)

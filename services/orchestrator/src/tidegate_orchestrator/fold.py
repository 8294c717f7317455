"""A workload's state from as little of its history as tells it: its last decision, and one rollout's events.

Pure; called by `history` and by whoever replays a history.
"""

from collections.abc import Iterable

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import Decision
from tidegate_orchestrator.evolve import evolve
from tidegate_orchestrator.state import Workload


def holder(last: Decision) -> str:
    """Whose events to read after the last decision: those of the rollout that holds the workload, or held it last."""
    return last.active if last.active is not None else last.rollout


def fold(events: Iterable[AnyEvent], onto: Workload | None = None) -> Workload:
    workload = onto if onto is not None else Workload()
    for event in events:
        workload = evolve(workload, event)
    return workload


def rebuild(last: Decision | None, events: Iterable[AnyEvent]) -> Workload:
    """The state after `last`, from the events of the rollout that it names; decisions on others only count."""
    return counted(last, fold(events))


def counted(last: Decision | None, workload: Workload) -> Workload:
    """One rollout's state with the number of the whole history's last decision."""
    revision = max(workload.revision, last.revision) if last is not None else workload.revision
    return workload if revision == workload.revision else Workload(revision, workload.rollout)

"""Which rollouts there are, by their events' names alone: a subject says its rollout and its type. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from tidegate_contracts import subjects
from tidegate_contracts.codec import tag_of
from tidegate_contracts.decisions import TERMINAL
from tidegate_contracts.workload import WorkloadKey

ENDINGS: Final = frozenset(subjects.type_token(tag_of(kind)) for kind in TERMINAL)


def open_rollouts(event_subjects: Iterable[str]) -> Iterator[tuple[WorkloadKey, str]]:
    """Rollouts without a terminal event."""
    types: dict[tuple[WorkloadKey, str], set[str]] = {}
    for subject in event_subjects:
        try:
            parsed = subjects.parse_event(subject)
        except ValueError:
            continue
        types.setdefault((parsed.key, parsed.rollout), set()).add(parsed.type)
    return (place for place, seen in types.items() if not seen & ENDINGS)

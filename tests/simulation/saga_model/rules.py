"""What all rules of the auditor stand on: how one is broken, and what was approved. `auditor` extends it."""

from saga_model.watched import Watched
from tidegate_contracts.orders import Target


class Violation(AssertionError):  # noqa: N818 - it names what happened
    """An invariant does not hold."""


class Rules:
    def __init__(self) -> None:
        self.revision = 0
        self.approved: dict[str, list[tuple[int, Target | None]]] = {}
        """By version: from which decision on how many pods of it may be ordered, as its steps have it; None: all."""

    def require(self, fine: bool, rule: str) -> None:
        if not fine:
            raise Violation(rule)

    def approve(self, version: str, target: Target | None) -> None:
        self.approved.setdefault(version, []).append((self.revision, target))

    def traffic_settled(self, watched: Watched, rule: str, applies: bool = True) -> None:
        if watched.routes_revisions and applies:
            answered = any(
                (kind, revision) in watched.answers
                for revision in watched.routes_revisions
                for kind in ("TrafficShifted", "TrafficReleased")
            )
            self.require(answered, rule)

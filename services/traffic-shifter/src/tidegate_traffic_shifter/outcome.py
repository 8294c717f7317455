"""What came of a look at a route or a Service: it is as wanted, it will be, or it can't be.

Returned by `services` and by routers' plugins, taken together by `shift` and `release`, told by `holder`.
"""

import msgspec

from tidegate_contracts.problem import Problem


class Repair(msgspec.Struct, frozen=True):
    """Somebody's edit was found under our part, which was put back on top of it."""

    what: str
    by: str


class Settled(msgspec.Struct, frozen=True):
    """As wanted, and the gateway says so."""

    repair: Repair | None = None


class Pending(msgspec.Struct, frozen=True):
    """Written, or not to be written yet: look again after a change, or after `again_s`."""

    reason: str
    again_s: float | None = None
    repair: Repair | None = None


class Refused(msgspec.Struct, frozen=True):
    """Can't be, unless somebody changes something."""

    problem: Problem


Outcome = Settled | Pending | Refused


def repaired(outcome: Outcome, repair: Repair | None) -> Outcome:
    """The same outcome with the repair that came with it."""
    match outcome:
        case Settled():
            return Settled(repair)
        case Pending():
            return Pending(outcome.reason, outcome.again_s, repair)
        case _:
            return outcome


def worst(outcomes: list[Outcome]) -> Outcome:
    """The outcome of all together: refused before pending before settled."""
    for kind in (Refused, Pending):
        for outcome in outcomes:
            if isinstance(outcome, kind):
                return outcome
    return Settled()


def repairs(outcomes: list[Outcome]) -> list[Repair]:
    """Every repair among the outcomes."""
    return [each.repair for each in outcomes if not isinstance(each, Refused) and each.repair is not None]

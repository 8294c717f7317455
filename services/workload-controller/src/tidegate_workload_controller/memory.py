"""What one holder remembers of one order between two looks; all of it can be lost without harm.

A new holder that starts without it may report something a second time, and decides the same.
"""

from typing import Any

import msgspec

from tidegate_workload_controller.vitals import Vitals


class Objection(msgspec.Struct, frozen=True):
    """What is wrong, and whose doing it is as far as can be told."""

    what: str
    by: str = ""


class Paced(msgspec.Struct, frozen=True):
    """Of any order whose pods have to get ready by a deadline: whether it makes progress."""

    vitals: Vitals = Vitals()


class Memory(Paced, frozen=True):
    """Of an ApplyBatch or PromoteWorkload order; everything starts unknown.

    Args:
        canary_revision: The revision that is being rolled out, once the native controller has made it.
        uid: The workload's, to tell it from a namesake.
        setting: The hold's setting that we wrote last, to tell when somebody else did.
        objection: What is wrong with the workload, as it was reported.
        repair_told_s: When it was last said that the hold was put back.
        labelled: Pods whose labels were written and not seen yet: the batch by uid.
        reported: The batch that was reported as ready: its pods, and whether it was settled.
        ready_at_s: When the batch was first seen ready.
    """

    canary_revision: str | None = None
    uid: str = ""
    setting: Any = None
    objection: Objection | None = None
    repair_told_s: float | None = None
    labelled: dict[str, int] = {}
    reported: tuple[int, bool] | None = None
    ready_at_s: float | None = None

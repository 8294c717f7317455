"""What people and tools may tell a running rollout. The orchestrator alone listens; each is answered by an event."""

import msgspec

from tidegate_contracts.rollout import RollbackPace, RolloutRequested


class _Control(msgspec.Struct, frozen=True, kw_only=True):
    by: str = ""
    """Who asks, for the record; permissions come from the subject."""
    reason: str = ""


class Approve(_Control, frozen=True, kw_only=True, tag="control.approve.v1"):
    """Ends the pause that the rollout waits in, or its bake."""

    step: int | None = None
    """Where given, approves only this step, so that a late click can't approve the next one."""


class Pause(_Control, frozen=True, kw_only=True, tag="control.pause.v1"):
    """Holds the rollout where it is: nothing further is raised."""


class Resume(_Control, frozen=True, kw_only=True, tag="control.resume.v1"):
    """Goes on after a pause."""


class JumpToStep(_Control, frozen=True, kw_only=True, tag="control.jump.v1"):
    """Goes to a later step, or to an earlier one, whose traffic then applies; pods never shrink below it natively."""

    step: int


class Retry(_Control, frozen=True, kw_only=True, tag="control.retry.v1"):
    """Does the present step again, after the cause of a failure was mended."""


class RollBack(_Control, frozen=True, kw_only=True, tag="control.roll-back.v1"):
    """Goes back to the stable version: traffic first, then pods."""

    pace: RollbackPace | None = None
    """None: as the request says. One that goes back in batches may be told to go at once from there."""


class Cancel(_Control, frozen=True, kw_only=True, tag="control.cancel.v1"):
    """Lets go: routes as they were, and the workload left to its own native strategy with the template it has."""


class Replan(_Control, frozen=True, kw_only=True, tag="control.replan.v1"):
    """Goes on by another plan: the request as it should read from now on, of which only `replanning.CHANGEABLE` may
    differ from what is under way. Nothing that is held is let go by it, and no pods go.
    """

    request: RolloutRequested


Control = Approve | Pause | Resume | JumpToStep | Retry | RollBack | Cancel | Replan

"""What a user wrote into a Rollout's status or spec, as controls for the rollout that is under way. Pure.

Called by `reconcile` before it writes the status again. Nothing is remembered: we never write `StepReady`, and always
the normal `nextStepIndex`, so that any other value is a user's. A control's id is made of what it answers, so that
all copies, and all further looks at the same status, say one and the same thing.
"""

from typing import NamedTuple

from tidegate_contracts.controls import Approve, Cancel, Control, JumpToStep, Pause, Resume
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.view import View

STEP_READY = "StepReady"
STEP_PAUSED = "StepPaused"


class Command(NamedTuple):
    rollout: str
    id: str
    control: Control


def commands(rollout: Rollout, view: View) -> list[Command]:
    """What to tell the rollout under way; none where there is none, or it ends anyway."""
    if view.stage == "cancelling" or not view.active:
        return []
    if rollout.leaving or rollout.spec.disabled:
        return _cancel(rollout, view)
    if view.stage == "finalising":
        return []
    return [*_held(rollout, view), *_confirmed(rollout, view), *_jumped(rollout, view)]


def next_index(view: View) -> int:
    """What `nextStepIndex` is as long as nobody wants another."""
    at_steps = view.stage in ("initializing", "rolling")
    return view.index + 1 if at_steps and view.index < view.steps else -1


def keeps_approval(rollout: Rollout, view: View) -> bool:
    """Whether an approval in the status stays there: until the step goes on, and over a pause of the Rollout's own."""
    return _approved(rollout, view) and view.waits and (view.hold is None or _ours(rollout, view))


def _cancel(rollout: Rollout, view: View) -> list[Command]:
    """A rollout that somebody asked for by an event is not this Rollout's to end."""
    if not lets_go(rollout, view):
        return []
    why = "the Rollout was deleted" if rollout.leaving else "the Rollout was disabled"
    return [_command(rollout, view, "cancel", Cancel(by=rollout.author, reason=why))]


def lets_go(rollout: Rollout, view: View) -> bool:
    """Whether a rollout of this Rollout's is under way, which has to end before it leaves or rests."""
    return view.active and view.request is not None and view.request.requested_by == rollout.author


def _held(rollout: Rollout, view: View) -> list[Command]:
    """`spec.strategy.paused`, told once for each generation, so that it never fights what people say elsewhere."""
    generation = f"{rollout.metadata.generation}"
    if rollout.spec.strategy.paused and view.hold is None:
        return [_command(rollout, view, f"pause:{generation}", Pause(by=rollout.author, reason="spec.strategy.paused"))]
    if not rollout.spec.strategy.paused and _ours(rollout, view):
        return [_command(rollout, view, f"resume:{generation}", Resume(by=rollout.author))]
    return []


def _ours(rollout: Rollout, view: View) -> bool:
    return view.hold is not None and view.hold.by == rollout.author


def _approved(rollout: Rollout, view: View) -> bool:
    told = rollout.told
    return (
        told.get("currentStepState") == STEP_READY
        and told.get("currentStepIndex") == view.index
        and rollout.status.get("observedRollout") == view.rollout
    )


def _confirmed(rollout: Rollout, view: View) -> list[Command]:
    """An approval ends the step's pause; one of a rollout that doubts by itself, or that others hold, resumes it."""
    if not _approved(rollout, view) or _ours(rollout, view):
        return []
    if view.hold is not None:
        return [_command(rollout, view, f"resume-approved:{view.revision}", Resume(by=rollout.author))]
    if not view.waits:
        return []
    return [_command(rollout, view, f"approve:{view.revision}", Approve(step=view.step, by=rollout.author))]


def _jumped(rollout: Rollout, view: View) -> list[Command]:
    """Another next step than the one after the present; what is no step is written over and does nothing."""
    told = rollout.told
    wanted, index = told.get("nextStepIndex"), told.get("currentStepIndex")
    if not isinstance(wanted, int) or rollout.status.get("observedRollout") != view.rollout or index != view.index:
        return []
    if wanted == next_index(view) or not 1 <= wanted <= view.steps:
        return []
    standing = rollout.status.get("observedSequence", 0)
    return [_command(rollout, view, f"jump:{wanted}:{standing}", JumpToStep(step=wanted, by=rollout.author))]


def _command(rollout: Rollout, view: View, what: str, control: Control) -> Command:
    return Command(view.rollout, f"{rollout.metadata.uid}:{view.rollout}:{what}", control)

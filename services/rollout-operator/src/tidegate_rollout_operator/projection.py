"""A Rollout's whole status, made of its workload's history: what Kruise's users and tools read. Pure.

Called by `reconcile`, which writes it where it differs from what stands. All copies make the same of the same history;
after a loss of everything but the bus and the API server it is made anew.
"""

from typing import Any, Final

import msgspec

from tidegate_contracts.problem import Problem
from tidegate_contracts.replanning import CHANGEABLE
from tidegate_contracts.rollout import RolloutRequested
from tidegate_rollout_operator import conditions, standards, texts
from tidegate_rollout_operator.commands import STEP_PAUSED, STEP_READY, keeps_approval, lets_go, next_index
from tidegate_rollout_operator.conditions import Said
from tidegate_rollout_operator.identities import UNKNOWN, Identity
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.naming import names
from tidegate_rollout_operator.step_words import left_out
from tidegate_rollout_operator.view import View

NO_STEP: Final = 0
COMPLETED: Final = "Completed"
FIXED: Final = ("strategy", "traffic", "canary_metadata")
"""What of a strategy counts only from the next release on."""

STRATEGY: Final = (*FIXED, *(name for name in CHANGEABLE if name != "rollback"))
"""How pods go back stands in an annotation, beside the strategy."""
_BATCH_STATES: Final = {"BeforeStepUpgrade": "Upgrading", "StepUpgrade": "Upgrading"}


def project(
    rollout: Rollout,
    view: View,
    wanted: RolloutRequested | tuple[Problem, ...],
    now_s: float,
    workload: Identity = UNKNOWN,
) -> dict[str, Any]:
    """The status; `wanted` is what the Rollout's spec was translated to, or what stands against it."""
    lost = _is_lost(rollout, view, workload)
    view = View(sequence=view.sequence) if lost else view
    problems = wanted if isinstance(wanted, tuple) else ()
    message = texts.NOT_FOUND if lost and not problems else _message(rollout, view, wanted)
    status: dict[str, Any] = {
        "observedGeneration": rollout.metadata.generation,
        "observedSequence": view.sequence,
        "phase": "Initial" if lost else _phase(rollout, view, problems),
        "message": message,
        "currentStepIndex": NO_STEP,
        "currentStepState": "",
        "conditions": _conditions(rollout, view, problems, message, conditions.timestamp(now_s)),
    }
    if view.stage == "idle":
        if lost or isinstance(wanted, tuple) or rollout.leaving or rollout.spec.disabled:
            return status
        told = _untouched(rollout, wanted)
    else:
        status["observedRollout"] = view.rollout
        told = _steps(rollout, view)
    told |= names(rollout, view, workload, edited=_edited(view, wanted, STRATEGY))
    if view.stage != "idle":
        told["message"] = _place(told)
    shared = {name: told[name] for name in ("currentStepIndex", "currentStepState")}
    return status | shared | {rollout.block: told}


def _is_lost(rollout: Rollout, view: View, workload: Identity) -> bool:
    """Whether there is no workload, and nothing else to tell of."""
    return workload.there is False and not (view.active or rollout.leaving or rollout.spec.disabled)


def _phase(rollout: Rollout, view: View, problems: tuple[Problem, ...]) -> str:
    if rollout.leaving:
        return "Terminating"
    if rollout.spec.disabled:
        return "Disabling" if lets_go(rollout, view) else "Disabled"
    if view.active:
        return "Progressing"
    return "Initial" if problems else "Healthy"


def _message(rollout: Rollout, view: View, wanted: RolloutRequested | tuple[Problem, ...]) -> str:
    if rollout.leaving:
        return texts.TERMINATING
    if rollout.spec.disabled:
        return texts.DISABLING if lets_go(rollout, view) else texts.DISABLED
    if view.active:
        message = texts.message_of(view, by_itself=_by_itself(rollout, view))
        return f"{message}; {texts.EDITED}" if _edited(view, wanted, FIXED) else message
    if isinstance(wanted, tuple):
        return texts.not_carried(wanted)
    if view.stage == "idle":
        return view.refused or texts.HEALTHY
    return view.refused or texts.ended(view)


def _by_itself(rollout: Rollout, view: View) -> bool:
    """Whether it pauses for another reason than `spec.strategy.paused`."""
    return view.hold is not None and view.hold.by != rollout.author and not view.awaits_routing


def _edited(view: View, wanted: RolloutRequested | tuple[Problem, ...], fields: tuple[str, ...]) -> bool:
    """Whether the rollout under way goes by another strategy than the Rollout's present one."""
    if isinstance(wanted, tuple) or view.request is None or view.stage not in ("initializing", "rolling"):
        return False
    if view.request.requested_by != wanted.requested_by:
        return False
    return any(getattr(wanted, name) != getattr(view.request, name) for name in fields)


def _conditions(
    rollout: Rollout, view: View, problems: tuple[Problem, ...], message: str, now: str
) -> list[dict[str, Any]]:
    said: list[Said | None] = [_accepted(rollout, problems)]
    said += [conditions.progressing(view, message), conditions.succeeded(view)]
    if rollout.leaving:
        said.append(Said("Terminating", status=True, reason="InTerminating", message=texts.TERMINATING))
    said += standards.told(rollout, view, problems, message)
    standing = rollout.status.get("conditions", [])
    return [conditions.timed(each, standing, now) for each in said if each is not None]


def _accepted(rollout: Rollout, problems: tuple[Problem, ...]) -> Said:
    if problems:
        return Said("Accepted", status=False, reason="NotCarried", message=texts.not_carried(problems))
    if rollout.spec.disabled:
        return Said("Accepted", status=True, reason="Disabled", message=texts.DISABLED)
    return Said("Accepted", status=True, reason="Guarded", message=texts.guarded(left_out(rollout)))


def _steps(rollout: Rollout, view: View) -> dict[str, Any]:
    """`canaryStatus` or `blueGreenStatus`, but for what names the version."""
    new = _new(rollout)
    counts = msgspec.structs.asdict(view.counts) if view.counts is not None else {}
    told = {
        f"{new}Replicas": counts.get("updated", 0),
        f"{new}ReadyReplicas": counts.get("updated_ready", 0),
        "currentStepIndex": view.index,
        "nextStepIndex": next_index(view),
        "currentStepState": _state(rollout, view),
        "lastUpdateTime": conditions.timestamp(view.at_s),
    }
    if view.finalising:
        told["finalisingStep"] = view.finalising
    return told


def _place(told: dict[str, Any]) -> str:
    batch = _BATCH_STATES.get(told["currentStepState"], "Ready")
    release, step = told["observedRolloutID"], told["currentStepIndex"]
    return f"BatchRelease is at state {batch}, rollout-id {release}, step {step}"


def _state(rollout: Rollout, view: View) -> str:
    """A pause that is not of the Rollout's own asking shows as the step's, so that `approve` is what ends it."""
    if keeps_approval(rollout, view):
        return STEP_READY
    if view.stage in ("initializing", "rolling") and _by_itself(rollout, view):
        return STEP_PAUSED
    return COMPLETED if view.closing else view.state


def _untouched(rollout: Rollout, wanted: RolloutRequested) -> dict[str, Any]:
    """Of a workload that was never rolled out Kruise tells as of one whose rollout is completed."""
    new = _new(rollout)
    return {
        f"{new}Replicas": 0,
        f"{new}ReadyReplicas": 0,
        "currentStepIndex": len(wanted.steps),
        "nextStepIndex": -1,
        "currentStepState": COMPLETED,
        "message": texts.DONE,
    }


def _new(rollout: Rollout) -> str:
    """How the names of what is told of the new pods begin."""
    return "updated" if rollout.block == "blueGreenStatus" else "canary"

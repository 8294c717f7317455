"""Accepts or rejects what is asked for. One rollout holds a workload: a newer request takes it over in the
same breath.

Called by `decide`. What the older rollout leaves in force goes into the newer one's first event, so that this
one's events alone tell its state.
"""

from typing import Final

from tidegate_contracts.codec import encode
from tidegate_contracts.decisions import Inherited, RolloutAccepted, RolloutRejected, RolloutSuperseded
from tidegate_contracts.facts import BatchReady, WorkloadReleased
from tidegate_contracts.limits import EVENT_BYTES_MAX
from tidegate_contracts.orders import PromoteWorkload, ReleaseTraffic, ReleaseWorkload
from tidegate_contracts.plan import plan
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import RolloutRequested, Style
from tidegate_orchestrator.draft import Draft
from tidegate_orchestrator.inputs import Requested
from tidegate_orchestrator.state import Ending, Mode, Rollout

ENVELOPE_BYTES_MAX: Final = 8 * 1024
"""What a decision and its headers add to the request and the plan."""


def consider(draft: Draft, asked: Requested) -> None:
    if any(decision.cause == asked.id for decision in asked.earlier):
        return
    problems = asked.problems + _problems(asked)
    if problems or asked.request is None:
        _reject(draft, asked, problems)
        return
    older = draft.workload.active
    if older is not None:
        draft.say_of(older.id, RolloutSuperseded, active=asked.rollout, superseded_by=asked.rollout)
    draft.say_of(
        asked.rollout,
        RolloutAccepted,
        active=asked.rollout,
        request=asked.request,
        plan=plan(asked.request),
        supersedes=older.id if older is not None else None,
        inherited=_inherited(older, asked.request.style) if older is not None else None,
        request_sequence=asked.sequence,
    )


def oversize(request: RolloutRequested) -> Problem | None:
    """An accepted event carries the request and its plan: together they must fit into one message."""
    size_bytes = len(encode(request)) + sum(len(encode(step)) for step in plan(request))
    if size_bytes <= EVENT_BYTES_MAX - ENVELOPE_BYTES_MAX:
        return None
    rule = f"with its plan at most {EVENT_BYTES_MAX - ENVELOPE_BYTES_MAX} bytes"
    remedy = "Shorten the analyses of the steps, or judge by one in the background."
    return Problem(field="steps", value=f"{size_bytes} bytes", rule=rule, remedy=remedy)


def _reject(draft: Draft, asked: Requested, problems: tuple[Problem, ...]) -> None:
    """An id that is taken already has its own one end."""
    usable = not asked.earlier and not any(problem.field == "rollout" for problem in problems)
    active = draft.workload.active
    draft.say_of(
        asked.rollout if usable else asked.spare_rollout,
        RolloutRejected,
        active=active.id if active is not None else None,
        problems=problems,
    )


def _problems(asked: Requested) -> tuple[Problem, ...]:
    newest = asked.newest
    if any(decision.rollout == asked.rollout for decision in asked.earlier):
        rule, remedy = "an id that no rollout of the namespace has had", "Choose another id, or leave it out."
        return (Problem(field="rollout", value=asked.rollout, rule=rule, remedy=remedy),)
    if newest is not None and newest.request_sequence > asked.sequence:
        rule = f"newer than the workload's last request, whose rollout is {newest.rollout}"
        remedy = "Publish it again if it is still wanted."
        return (Problem(field="request", value=f"number {asked.sequence}", rule=rule, remedy=remedy),)
    return ()


def _inherited(older: Rollout, style: Style) -> Inherited | None:
    releasing = isinstance(older.pods.order, ReleaseWorkload)
    touched = (older.touched or releasing) and not isinstance(older.pods.answer, WorkloadReleased)
    if not touched and not older.routed and older.judge is None:
        return None
    routes = older.routes if older.routed else None
    mode = _release_in_force(older, style)
    return Inherited(
        stable_revision=older.stable_revision if touched or routes is not None else None,
        touched=touched and not older.gone,
        traffic=routes.order.traffic if routes is not None else (),
        release_traffic=routes is not None and (isinstance(routes.order, ReleaseTraffic) or older.stable_gone),
        release_workload=mode,
        release_after_traffic=routes is not None and mode is not None and _takes_pods(older, mode),
        analysed=older.judge is not None,
        style=older.held_style,
    )


def _release_in_force(older: Rollout, style: Style) -> Mode | None:
    """An ending under way is waited for; and where every pod is the superseded version, that is the new stable one.

    A hold is taken over in the style that it was made in; what is held in another one is given back first.
    """
    pods = older.pods
    if older.gone:
        return None
    if isinstance(pods.order, ReleaseWorkload):
        return None if isinstance(pods.answer, WorkloadReleased) else pods.order.mode
    if isinstance(pods.order, PromoteWorkload) and isinstance(older.phase, Ending):
        return older.phase.mode
    if older.stable_gone and isinstance(pods.answer, BatchReady) and pods.trouble is None:
        return "promote"
    return "restore" if older.touched and older.style != style else None


def _takes_pods(older: Rollout, mode: Mode) -> bool:
    """Whether the release may take pods that still get traffic.

    An ending under way has seen to it that none do, and where every pod is the superseded version none goes.
    """
    order = older.pods.order
    whole = mode == "promote" and older.held_style == "partition"
    return not whole and not (isinstance(order, ReleaseWorkload) and older.pods.told)

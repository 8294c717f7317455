"""An edit of a Rollout's strategy during its release, as another plan for what is under way. Pure.

Called by `reconcile`, which tells it as any other command. Each generation's strategy is told once, so that it never
fights what people say elsewhere; only where a copy that was behind put an older one in place it is told again.
"""

from msgspec.structs import replace

from tidegate_contracts.controls import Replan
from tidegate_contracts.problem import Problem
from tidegate_contracts.replanning import changed
from tidegate_contracts.rollout import RolloutRequested
from tidegate_rollout_operator.commands import Command
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.view import REPLAN, View


def replans(rollout: Rollout, view: View, wanted: RolloutRequested | tuple[Problem, ...]) -> list[Command]:
    """What the release under way should go on by, where it doesn't yet; it can be of this Rollout's own asking only."""
    request = view.request
    if isinstance(wanted, tuple) or request is None or view.stage not in ("initializing", "rolling"):
        return []
    if rollout.leaving or rollout.spec.disabled or request.requested_by != rollout.author:
        return []
    # How pods go back stands in an annotation, whose edit makes no generation; and routes that come count from the next
    # release on, as do the steps' shares with them.
    steps = wanted.steps if request.traffic else tuple(replace(step, traffic=None) for step in wanted.steps)
    edited = changed(request, replace(wanted, rollback=request.rollback, steps=steps))
    if edited == request or _told(rollout, view) >= rollout.metadata.generation:
        return []
    place = f"{rollout.metadata.generation}:{view.plan_revision}"
    control = Replan(request=edited, by=rollout.author, reason="the strategy was edited")
    return [Command(view.rollout, f"{rollout.metadata.uid}:{view.rollout}{REPLAN}{place}", control)]


def _told(rollout: Rollout, view: View) -> int:
    """The generation whose strategy was put in place last; 0 for none."""
    head, _, place = view.replanned.partition(REPLAN)
    generation = place.partition(":")[0]
    ours = head == f"{rollout.metadata.uid}:{view.rollout}" and generation.isdecimal()
    return int(generation) if ours else 0

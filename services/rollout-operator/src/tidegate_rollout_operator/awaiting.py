"""The wait of a release for the TrafficRouting that its Rollout names: nothing starts before that one is held. Pure.

`translate` has the guard ask for a pause before the first batch, so that the release waits even while no operator
runs; `reconcile` resumes it once the Rollout's finalizer stands on the TrafficRouting. That is Kruise's handshake.
"""

from typing import Final

from tidegate_contracts.controls import Resume
from tidegate_contracts.problem import printable
from tidegate_rollout_operator.commands import Command
from tidegate_rollout_operator.kruise import TRAFFIC_ROUTING, Rollout
from tidegate_rollout_operator.view import AWAITED, View

NAME_LENGTH_MAX: Final = 253
"""Of a Kubernetes object: what is longer names none, and is waited for in vain."""


def named_by(rollout: Rollout) -> str | None:
    """The TrafficRouting that a Rollout's releases hold."""
    return rollout.metadata.annotations.get(TRAFFIC_ROUTING)


def reason_to_wait(rollout: Rollout) -> str:
    """Why a release is to wait before its first batch; empty where it needn't."""
    name = named_by(rollout)
    return f"{AWAITED} {printable(name)[:NAME_LENGTH_MAX]}" if name is not None else ""


def resumed(rollout: Rollout, view: View, *, held: bool) -> list[Command]:
    """What lets a release go on that waited; `held` says whether its TrafficRouting is held now."""
    if not (held and view.awaits_routing) or rollout.leaving or rollout.spec.disabled:
        return []
    control = Resume(by=rollout.author, reason=f"TrafficRouting {printable(named_by(rollout) or '')} is held")
    return [Command(view.rollout, f"{rollout.metadata.uid}:{view.rollout}:held:{view.revision}", control)]

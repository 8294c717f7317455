"""By which releases hold a TrafficRouting: a finalizer of the Rollout's on it, from the release's begin to its end's.

Called by `reconcile`, with the release as its history has it. Kruise's own way: whoever looks at the object sees who
holds it, and it can't vanish meanwhile.
"""

from collections.abc import Sequence
from typing import Any

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_rollout_operator import conditions
from tidegate_rollout_operator.awaiting import named_by
from tidegate_rollout_operator.conditions import Said
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.replacing import replace_parts
from tidegate_rollout_operator.traffic_routing import HOLDERS, TRAFFIC_ROUTINGS, Routing, holder_of, holds
from tidegate_rollout_operator.view import View

CONDITION = "TrafficRouting"


class Holding:
    """Args:
    client: Who writes.
    reflector: The TrafficRoutings that there are.
    """

    def __init__(self, client: KubernetesClient, reflector: Reflector[Routing]) -> None:
        self._client = client
        self._reflector = reflector

    def standing(self, rollout: Rollout) -> list[Routing]:
        """To be asked for before the history is read."""
        return self._reflector.store.all(rollout.metadata.namespace)

    def is_held(self, rollout: Rollout) -> bool:
        """Whether the TrafficRouting that it names is held for it."""
        found = self._reflector.store.get(rollout.metadata.namespace, named_by(rollout) or "")
        return found is not None and not found.leaving and _finalizer(rollout) in found.metadata.finalizers

    async def hold(self, rollout: Rollout, view: View, standing: Sequence[Routing]) -> None:
        """Takes hold, and lets go of every other one. A conflict is one's cue to look again."""
        ours = _finalizer(rollout)
        for routing in standing:
            wanted = routing.metadata.name == named_by(rollout) and holds(view)
            held = ours in routing.metadata.finalizers
            if wanted and not held and not routing.leaving:
                await self._write(routing, [*routing.metadata.finalizers, ours])
            elif held and not wanted:
                await self._write(routing, [each for each in routing.metadata.finalizers if each != ours])

    def conditions(self, rollout: Rollout, now_s: float) -> list[dict[str, Any]]:
        """Whether there is one of that name, for a Rollout that names one."""
        name = named_by(rollout)
        if name is None:
            return []
        found = self._reflector.store.get(rollout.metadata.namespace, name)
        if found is not None and not found.leaving:
            said = Said(CONDITION, status=True, reason="Found", message=f"releases hold TrafficRouting {name}")
        else:
            message = f"there is no TrafficRouting {name} to hold: a release waits for it before its first batch"
            said = Said(CONDITION, status=False, reason="Missing", message=message)
        standing = rollout.status.get("conditions", [])
        return [conditions.timed(said, standing, conditions.timestamp(now_s))]

    async def _write(self, routing: Routing, finalizers: list[str]) -> None:
        await replace_parts(self._client, TRAFFIC_ROUTINGS, routing.metadata, {"/metadata/finalizers": finalizers})


def _finalizer(rollout: Rollout) -> str:
    return f"{HOLDERS}{holder_of(rollout)}"

"""The canary Ingress of any class: as `standing_beside` makes it, with the annotations that the class's script says.

What the script says is asked before each look that may write; everything else is as for the classes that are built in.
"""

from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import INGRESSES
from tidegate_contracts.routers import Abilities
from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.canary_ingress import own_annotations
from tidegate_traffic_shifter.cluster import WakeKey, WakingCluster
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.lua.answer import Failed
from tidegate_traffic_shifter.lua.runner import Runner
from tidegate_traffic_shifter.outcome import Outcome, Refused
from tidegate_traffic_shifter.router import Marked, Place
from tidegate_traffic_shifter.script_parts import annotations_of, ingress_input
from tidegate_traffic_shifter.script_sources import ScriptSources
from tidegate_traffic_shifter.scripted_ingress import ScriptedIngress
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.standing_beside import StandingBeside


class IngressScripting:
    """Args:
    cluster: Where Ingresses are read and written.
    runner: Who runs scripts.
    sources: Where they come from.
    abilities: What can be asked of it.
    router: The plugin's name.
    """

    def __init__(
        self, cluster: WakingCluster, runner: Runner, sources: ScriptSources, abilities: Abilities, router: str
    ) -> None:
        self.abilities = abilities
        self._cluster = cluster
        self._runner = runner
        self._sources = sources
        self._router = router
        self._silent = self._saying({})

    async def unserved(self, place: Place) -> Refused | None:
        return await self._silent.unserved(place)

    def wake_keys(self, place: Place) -> list[WakeKey]:
        return self._silent.wake_keys(place)

    async def check(self, place: Place, share: Share, fence: Fence) -> Refused | None:
        said = await self._said(place, share)
        return said if isinstance(said, Refused) else await self._silent.check(place, share, fence)

    async def share(self, place: Place, fence: Fence) -> Share | None:
        return await self._silent.share(place, fence)

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        said = await self._said(place, share)
        if not isinstance(said, Refused):
            return await self._saying(said).shift(place, share, fence)
        # Requests that have to leave don't wait for a script: without the canary Ingress they have left.
        return await self.restore(place, fence) if share.is_empty else said

    async def marked(self) -> list[Marked]:
        return await self._silent.marked()

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        return await self._silent.restore(place, fence)

    async def _said(self, place: Place, share: Share) -> dict[str, str] | Refused:
        route = await self._cluster.client.read(INGRESSES, place.namespace, place.route, Route)
        if isinstance(route, NotFound):
            return Refused(problems.missing_route(place, INGRESSES.kind))
        script = await self._sources.of_ingress(place.class_type)
        if isinstance(script, Failed):
            return Refused(problems.without_script(place, script.reason))
        given = ingress_input(own_annotations(route), share)
        said = annotations_of(await self._runner.run(script, given))
        if isinstance(said, Failed):
            return Refused(problems.script_failed(place, f"{INGRESSES.kind} {place.route}", said.reason))
        return said

    def _saying(self, annotations: dict[str, str]) -> StandingBeside:
        return StandingBeside(self._cluster, ScriptedIngress(annotations, self.abilities), self._router)

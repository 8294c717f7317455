"""A class of Ingresses that is built in, unless the cluster has a script for it: that goes first, as in Kruise.

Which of the two says the annotations is decided as a canary Ingress is made, and stays so until that one is gone: what
one of them wrote, the other wouldn't know to take away. Made by `catalogue` around the class's two edges.
"""

from msgspec.structs import replace

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import INGRESSES
from tidegate_traffic_shifter.canary_ingress import CanaryIngress
from tidegate_traffic_shifter.cluster import WakeKey, WakingCluster
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.ingress_scripting import IngressScripting
from tidegate_traffic_shifter.lua.answer import Failed
from tidegate_traffic_shifter.outcome import Outcome, Refused
from tidegate_traffic_shifter.router import Marked, Place
from tidegate_traffic_shifter.script_sources import ScriptSources
from tidegate_traffic_shifter.scripted_ingress import SAID
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.standing_beside import StandingBeside


class ScriptFirst:
    """Args:
    cluster: Where Ingresses are read.
    form: The class that is built in.
    built_in: It at work.
    scripted: Its annotations by a script, under the same router's name.
    sources: Where scripts come from.
    """

    def __init__(
        self,
        cluster: WakingCluster,
        form: CanaryIngress,
        built_in: StandingBeside,
        scripted: IngressScripting,
        sources: ScriptSources,
    ) -> None:
        self.abilities = built_in.abilities
        self._client = cluster.client
        self._form = form
        self._built_in = built_in
        self._scripted = scripted
        self._sources = sources

    async def unserved(self, place: Place) -> Refused | None:
        return await self._built_in.unserved(place)

    def wake_keys(self, place: Place) -> list[WakeKey]:
        return self._built_in.wake_keys(place)

    async def check(self, place: Place, share: Share, fence: Fence) -> Refused | None:
        return await (await self._chosen(place)).check(self._classed(place), share, fence)

    async def share(self, place: Place, fence: Fence) -> Share | None:
        return await self._built_in.share(place, fence)

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        return await (await self._chosen(place)).shift(self._classed(place), share, fence)

    async def marked(self) -> list[Marked]:
        return await self._built_in.marked()

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        return await self._built_in.restore(place, fence)

    async def _chosen(self, place: Place) -> StandingBeside | IngressScripting:
        """Who made the canary Ingress that stands; before it is made, the script if there is one."""
        canary = await self._client.read(INGRESSES, place.namespace, self._form.name(place.route), Route)
        if not isinstance(canary, NotFound):
            return self._scripted if SAID in canary.metadata.annotations else self._built_in
        try:
            script = await self._sources.of_ingress(self._form.class_type)
        except Permanent:
            # Nobody has to grant the right to read scripts for a class that needs none.
            return self._built_in
        return self._built_in if isinstance(script, Failed) else self._scripted

    def _classed(self, place: Place) -> Place:
        return replace(place, class_type=self._form.class_type)

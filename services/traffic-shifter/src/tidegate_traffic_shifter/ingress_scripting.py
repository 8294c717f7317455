"""The canary Ingress of any class: as `standing_beside` makes it, with the annotations that the class's script says.

What the script says is asked before each look that may write; everything else is as for the classes that are built in.
"""

from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import INGRESSES
from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.canary_ingress import CanaryIngress, own_annotations
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.formats import Beside
from tidegate_traffic_shifter.lua.answer import Failed
from tidegate_traffic_shifter.lua.runner import Runner
from tidegate_traffic_shifter.outcome import Refused
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.script_parts import annotations_of, ingress_input
from tidegate_traffic_shifter.script_sources import ScriptSources
from tidegate_traffic_shifter.scripted_ingress import ScriptedIngress
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.standing_beside import StandingBeside


class IngressScripting(StandingBeside):
    """Args:
    cluster: Where Ingresses are read and written.
    runner: Who runs scripts.
    sources: Where they come from.
    form: What a canary Ingress is but for what a script says.
    router: The plugin's name.
    """

    def __init__(
        self, cluster: WakingCluster, runner: Runner, sources: ScriptSources, form: CanaryIngress, router: str
    ) -> None:
        super().__init__(cluster, form, router)
        self._runner = runner
        self._sources = sources

    async def _chosen(self, place: Place, route: Route, canary: Route | NotFound, share: Share) -> Beside | Refused:
        del canary
        return await self._scripted(place, place.class_type, route, share)

    async def _scripted(self, place: Place, class_type: str, route: Route, share: Share) -> Beside | Refused:
        script = await self._sources.of_ingress(class_type)
        if isinstance(script, Failed):
            return Refused(problems.without_script(place, script.reason))
        given = ingress_input(own_annotations(route), share)
        said = annotations_of(await self._runner.run(script, given))
        if isinstance(said, Failed):
            return Refused(problems.script_failed(place, f"{INGRESSES.kind} {place.route}", said.reason))
        return ScriptedIngress(said, self.abilities)

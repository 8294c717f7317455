"""A class of Ingresses that is built in, unless the cluster has a script for it: that goes first, as in Kruise.

Which of the two says the annotations is decided as a canary Ingress is made, and stays so until that one is gone: what
one of them wrote, the other wouldn't know to take away. Made by `catalogue` for each such class.
"""

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_traffic_shifter.canary_ingress import CanaryIngress
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.formats import Beside
from tidegate_traffic_shifter.ingress_scripting import IngressScripting
from tidegate_traffic_shifter.lua.answer import Failed
from tidegate_traffic_shifter.lua.runner import Runner
from tidegate_traffic_shifter.outcome import Refused
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.script_sources import ScriptSources
from tidegate_traffic_shifter.scripted_ingress import SAID
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share


class ScriptFirst(IngressScripting):
    """Args:
    cluster: Where Ingresses are read and written.
    runner: Who runs scripts.
    sources: Where they come from.
    form: The class that is built in.
    router: The plugin's name.
    """

    def __init__(
        self, cluster: WakingCluster, runner: Runner, sources: ScriptSources, form: CanaryIngress, router: str
    ) -> None:
        super().__init__(cluster, runner, sources, form, router)
        self._class_type = form.class_type

    async def _chosen(self, place: Place, route: Route, canary: Route | NotFound, share: Share) -> Beside | Refused:
        if await self._by_script(canary):
            return await self._scripted(place, self._class_type, route, share)
        return self._format

    async def _by_script(self, canary: Route | NotFound) -> bool:
        """Whether a script made the canary Ingress that stands; before it is made, whether there is one to do so."""
        if not isinstance(canary, NotFound):
            return SAID in canary.metadata.annotations
        try:
            return not isinstance(await self._sources.of_ingress(self._class_type), Failed)
        except Permanent:
            # Nobody has to grant the right to read scripts for a class that needs none.
            return False

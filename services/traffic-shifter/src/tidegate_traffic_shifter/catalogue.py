"""Which routers are installed, each with the edge that its format asks for.

Made once in `app`. The built-in routers come in through the same entry points as anybody's.
"""

from collections.abc import Mapping
from typing import Final

from tidegate_chassis.plugins import PluginError, Plugins
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.formats import Beside, Format, Rewritten
from tidegate_traffic_shifter.rewriting import Rewriting
from tidegate_traffic_shifter.router import Router
from tidegate_traffic_shifter.standing_beside import StandingBeside

ROUTERS: Final = "tidegate.traffic_routers"


def formats(plugins: Plugins | None = None) -> Mapping[str, Format]:
    """By the plugin's name."""
    found = plugins or Plugins(ROUTERS, Format)
    return {name: found.load(name)() for name in found.names}


def load_routers(cluster: WakingCluster) -> Mapping[str, Router]:
    """Every router that is installed; what it needs is followed from its first order on."""
    return {name: _at_work(name, form, cluster) for name, form in formats().items()}


def _at_work(name: str, form: Format, cluster: WakingCluster) -> Router:
    if isinstance(form, Rewritten):
        return Rewriting(cluster, form, name)
    if isinstance(form, Beside):
        return StandingBeside(cluster, form, name)
    raise PluginError(f"{name} of {ROUTERS} is neither a Rewritten format nor a Beside one")

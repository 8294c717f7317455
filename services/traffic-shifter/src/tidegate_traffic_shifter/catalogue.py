"""Which routers are installed, each with the edge that its format asks for.

Made once in `app`. The built-in routers come in through the same entry points as anybody's.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from tidegate_chassis.plugins import PluginError, Plugins
from tidegate_contracts.routers import Abilities
from tidegate_traffic_shifter.canary_ingress import CanaryIngress
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.formats import Beside, ByScript, Format, Rewritten
from tidegate_traffic_shifter.ingress_scripting import IngressScripting
from tidegate_traffic_shifter.lua.runner import Runner
from tidegate_traffic_shifter.rewriting import Rewriting
from tidegate_traffic_shifter.router import Router
from tidegate_traffic_shifter.script_first import ScriptFirst
from tidegate_traffic_shifter.script_sources import ScriptSources
from tidegate_traffic_shifter.scripted_ingress import ScriptedIngress
from tidegate_traffic_shifter.scripting import Scripting
from tidegate_traffic_shifter.standing_beside import StandingBeside

ROUTERS: Final = "tidegate.traffic_routers"


class _Plugin(Protocol):
    """What all have in common; which of the formats one is, `_at_work` finds out."""

    abilities: Abilities


def formats(plugins: Plugins | None = None) -> Mapping[str, Format | ByScript]:
    """By the plugin's name."""
    found = plugins or Plugins(ROUTERS, _Plugin)
    return {name: found.load(name)() for name in found.names}


def load_routers(cluster: WakingCluster, scripts_namespace: str) -> Mapping[str, Router]:
    """Every router that is installed; what it needs is followed from its first order on.

    Args:
        cluster: Where they read and write.
        scripts_namespace: Of the ConfigMap with scripts.
    """
    runner, sources = Runner(), ScriptSources(cluster.client, scripts_namespace)
    return {name: _at_work(name, form, cluster, runner, sources) for name, form in formats().items()}


def _at_work(
    name: str, form: Format | ByScript, cluster: WakingCluster, runner: Runner, sources: ScriptSources
) -> Router:
    if isinstance(form, ByScript):
        if form.scripts == "object":
            return Scripting(cluster, runner, sources, form.abilities)
        return IngressScripting(cluster, runner, sources, ScriptedIngress({}, form.abilities), name)
    if isinstance(form, Rewritten):
        return Rewriting(cluster, form, name)
    if isinstance(form, CanaryIngress) and form.class_type:
        return ScriptFirst(cluster, runner, sources, form, name)
    if isinstance(form, Beside):
        return StandingBeside(cluster, form, name)
    raise PluginError(f"{name} of {ROUTERS} is no Rewritten format, no Beside one and none by scripts")

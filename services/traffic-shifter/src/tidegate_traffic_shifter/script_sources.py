"""Where scripts come from: a ConfigMap with Kruise's name and keys, and the two that Kruise has built in, written anew.

Asked by the edges for scripts whenever a share is new, always live: a script that was changed counts from then on. As
in Kruise, a built-in script for a kind goes before the ConfigMap's, and the ConfigMap's for a class of Ingresses before
what is built in (`script_first`).
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound
from tidegate_chassis.kubernetes.resources import CONFIG_MAPS
from tidegate_traffic_shifter.lua.answer import Failed

CONFIG_MAP: Final = "kruise-rollout-configuration"
KEYS: Final = "lua.traffic.routing."
INGRESS: Final = "ingress."
ISTIO: Final = "networking.istio.io"
BUILT_IN: Final[Mapping[tuple[str, str], str]] = {
    ("VirtualService", ISTIO): "virtual_service.lua",
    ("DestinationRule", ISTIO): "destination_rule.lua",
}
"""By kind and group."""


class ConfigMap(KubernetesObject, frozen=True):
    data: dict[str, str] = msgspec.field(default_factory=dict)


class ScriptSources:
    """Args:
    client: How to reach the API server.
    namespace: The ConfigMap's.
    """

    def __init__(self, client: KubernetesClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def of_kind(self, kind: str, group: str) -> str | Failed:
        """The script for objects of a kind."""
        own = BUILT_IN.get((kind, group))
        if own is not None:
            return files("tidegate_traffic_shifter.scripts").joinpath(own).read_text()
        return await self._named(f"{KEYS}{kind}.{group}")

    async def of_ingress(self, class_type: str) -> str | Failed:
        """The script for Ingresses of a class."""
        return await self._named(f"{KEYS}{INGRESS}{class_type}")

    async def kinds(self) -> set[tuple[str, str]]:
        """All kinds, each with its group, that there is a script for; without the right to look, the built-in ones."""
        try:
            found = await self._data()
        except Permanent:
            found = {}
        names = [name.removeprefix(KEYS) for name in found if name.startswith(KEYS)]
        split = [name.partition(".") for name in names if not name.startswith(INGRESS)]
        return set(BUILT_IN) | {(kind, group) for kind, _, group in split if kind}

    async def _named(self, key: str) -> str | Failed:
        found = (await self._data()).get(key)
        return found or Failed(f"there is no script {key} in ConfigMap {self._namespace}/{CONFIG_MAP}")

    async def _data(self) -> dict[str, str]:
        found = await self._client.read(CONFIG_MAPS, self._namespace, CONFIG_MAP, ConfigMap)
        return {} if isinstance(found, NotFound) else found.data

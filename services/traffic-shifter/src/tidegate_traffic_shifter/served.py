"""Whether the cluster serves the kind of object that an order names. Used by every router's edge."""

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.outcome import Refused
from tidegate_traffic_shifter.router import Place


async def unserved(client: KubernetesClient, place: Place, api_version: str, kind: str) -> Refused | None:
    """None when it does, in namespaces."""
    found = await client.discover(api_version, kind)
    if isinstance(found, NotFound):
        return Refused(problems.not_served(place, kind, api_version))
    return None if found.namespaced else Refused(problems.not_in_namespaces(place))

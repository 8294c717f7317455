"""Both versions as Istio's subsets of one Service: a DestinationRule declares them, a VirtualService names them. Pure.

Used by `routers.istio_destination_rule` and `routers.istio_virtual_service`. In the words of `backends` a subset of a
Service is called `service/subset`, so that a version behind it is named like one behind a Service of its own.
"""

from typing import Any, Final

from msgspec.structs import replace

from tidegate_traffic_shifter.share import Revisions, Share

STABLE: Final = "tidegate-stable"
CANARY: Final = "tidegate-canary"
"""Names that no user's own subset has."""


def is_service(host: str, namespace: str, service: str) -> bool:
    """Whether the host is the Service, however much of its name is written."""
    name, *more = host.split(".")
    return name == service and more[:2] in ([], [namespace], [namespace, "svc"])


def called(service: str, subset: str) -> str:
    return f"{service}/{subset}"


def parted(name: str) -> tuple[str, str]:
    """The Service and the subset of such a name; no subset where it is a Service's."""
    service, _, subset = name.partition("/")
    return service, subset


def in_subsets(share: Share) -> Share:
    """The share with the new version behind its subset, instead of behind a Service."""
    return replace(share, canary_service=called(share.service, CANARY))


def declared(revisions: Revisions) -> list[dict[str, Any]]:
    """Both versions; the stable one alone while there is no other."""
    found = {STABLE: revisions.stable, CANARY: revisions.canary}
    return [{"name": name, "labels": {revisions.label: value}} for name, value in found.items() if value is not None]

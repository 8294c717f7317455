"""A router at work, as `shift`, `release` and `clearing` know it: a format with one of our two edges.

All its methods are level-triggered: they are called again after every change, look at the route as it is, write only
what is missing, and may be interrupted anywhere. Each write is made on the version that was read, after `fence.look` on
the object and `fence.ensure()`. What a plugin offers is in `formats`; `catalogue` puts the two together.
"""

from typing import NamedTuple, Protocol

import msgspec

from tidegate_contracts.rollout import SessionAffinity, TrafficReference
from tidegate_contracts.routers import Abilities
from tidegate_contracts.validate_traffic import canary_service
from tidegate_traffic_shifter.cluster import WakeKey
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.marks import Marks
from tidegate_traffic_shifter.outcome import Outcome, Refused
from tidegate_traffic_shifter.share import Share


class Place(msgspec.Struct, frozen=True):
    """A route and the Services behind it, in one namespace."""

    namespace: str
    route: str
    service: str
    canary_service: str
    router: str
    grace_s: float
    kind: str = ""
    api_version: str = ""
    class_type: str = ""
    affinity: SessionAffinity | None = None

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def one_service(self) -> bool:
        """Whether both versions stand behind the Service: then nothing is pinned, made or looked at behind it."""
        return self.service == self.canary_service

    @classmethod
    def of(cls, namespace: str, reference: TrafficReference) -> "Place":
        return cls(
            namespace=namespace,
            route=reference.route,
            service=reference.service,
            canary_service=canary_service(reference),
            router=reference.router,
            grace_s=reference.grace_s,
            kind=reference.kind or "",
            api_version=reference.api_version or "",
            class_type=reference.class_type or "",
            affinity=reference.session_affinity,
        )


class Marked(NamedTuple):
    """A route that is held, as its marks tell."""

    namespace: str
    route: str
    service: str
    canary_service: str
    marks: Marks
    kind: str | None = None
    api_version: str | None = None


class Router(Protocol):
    """One kind of route."""

    abilities: Abilities

    async def unserved(self, place: Place) -> Refused | None:
        """Why the place's kind of object can't be read and written in this cluster; None when it can."""
        ...

    def wake_keys(self, place: Place) -> list[WakeKey]:
        """The objects whose changes matter to the place; they are followed from now on."""
        ...

    async def check(self, place: Place, share: Share, fence: Fence) -> Refused | None:
        """What is wrong with the route before anything is written; None when a share can be put into it."""
        ...

    async def share(self, place: Place, fence: Fence) -> Share | None:
        """The share that is in the route now; None when the route doesn't name the canary Service, or is gone."""
        ...

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        """Put the share into the route; settled when the gateway has accepted it."""
        ...

    async def marked(self) -> list[Marked]:
        """Every route in the cluster that carries our marks, from a live look: for giving back without an order."""
        ...

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        """Give the route back as the user wrote it; settled when accepted, or gone."""
        ...

"""Stands in for a router that is gone, or whose kind is, while a route of its is to be released.

Used by `holder`: a plugin may be taken out, or a definition deleted, in the middle of a rollout. Nobody can give the
route back then, but its Services were pinned and made all the same: `release` does with them what it does with any.
"""

from tidegate_contracts.routers import Abilities
from tidegate_traffic_shifter.cluster import WakeKey
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.outcome import Outcome, Refused, Settled
from tidegate_traffic_shifter.router import Marked, Place
from tidegate_traffic_shifter.share import Share


class Gone:
    """A `Router` that knows of no route, and has nothing to give back."""

    abilities = Abilities(shares=False)

    async def unserved(self, place: Place) -> Refused | None:
        del place
        return None

    def wake_keys(self, place: Place) -> list[WakeKey]:
        del place
        return []

    async def check(self, place: Place, share: Share, fence: Fence) -> Refused | None:
        del place, share, fence
        return None

    async def share(self, place: Place, fence: Fence) -> Share | None:
        del place, fence
        return None

    async def shift(self, place: Place, share: Share, fence: Fence) -> Outcome:
        del place, share, fence
        return Settled()

    async def marked(self) -> list[Marked]:
        return []

    async def restore(self, place: Place, fence: Fence) -> Outcome:
        del place, fence
        return Settled()

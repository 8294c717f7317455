"""A release whose router is gone: its Services go the safe way, and what others hold of the same ones is waited for."""

import asyncio
from typing import Any

from support.clock import ManualClock
from unit.traffic_shifter.test_waits_of_routes import ALL, PLACE, Behind

from tidegate_traffic_shifter.endpoints import Endpoints
from tidegate_traffic_shifter.gone import Gone
from tidegate_traffic_shifter.outcome import Pending, Settled, worst
from tidegate_traffic_shifter.release import Release


class Noting(Behind):
    """What was done to the Services, in order."""

    def __init__(self, **ready: Endpoints) -> None:
        super().__init__(**ready)
        self.done_to: list[str] = []

    async def unpin(self, *arguments: object) -> Settled:
        del arguments
        self.done_to.append("unpinned")
        return Settled()

    async def delete_canary(self, *arguments: object) -> Settled:
        del arguments
        self.done_to.append("deleted")
        return Settled()


def test_the_canary_service_of_a_route_nobody_knows_goes_after_the_stable_one_has_all_pods() -> None:
    services: Any = Noting(web=Endpoints())
    fence: Any = None
    release = Release({PLACE: Gone()}, services, label="hash", fence=fence, clock=ManualClock())

    assert isinstance(worst(asyncio.run(release.look())), Pending)
    assert services.done_to == ["unpinned"]
    services.ready["web"] = Endpoints(ALL)
    assert isinstance(worst(asyncio.run(release.look())), Settled)
    assert services.done_to == ["unpinned", "unpinned", "deleted"]

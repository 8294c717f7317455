"""The object beside the user's own route leaves with its requests, whatever became of the user's own."""

import asyncio
from types import SimpleNamespace
from typing import Any

from unit.traffic_shifter.test_waits_of_routes import PLACE, share

from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.outcome import Outcome, Refused, Settled
from tidegate_traffic_shifter.routers.ingress_nginx import IngressNginx
from tidegate_traffic_shifter.standing_beside import StandingBeside


class Unrouted(StandingBeside):
    """Whose user's own route sends to the Service no more."""

    restored = False

    async def _routed(self, place: Any) -> Any:
        return Refused(problems.not_routed(place, self.resource.kind))

    async def restore(self, place: Any, fence: Any) -> Outcome:
        del place, fence
        self.restored = True
        return Settled()


def test_requests_leave_where_the_users_own_route_sends_to_the_service_no_more() -> None:
    cluster: Any = SimpleNamespace(client=None)
    fence: Any = None
    router = Unrouted(cluster, IngressNginx(), "ingress-nginx")
    assert isinstance(asyncio.run(router.shift(PLACE, share(50), fence)), Refused)
    assert not router.restored
    assert asyncio.run(router.shift(PLACE, share(50).emptied(), fence)) == Settled()
    assert router.restored

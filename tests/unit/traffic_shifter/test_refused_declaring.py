"""A DestinationRule that is refused is told in its own words: it has no backends and no rules."""

import asyncio
from types import SimpleNamespace
from typing import Any

from unit.traffic_shifter.test_waits_of_routes import PLACE, share

from tidegate_traffic_shifter.outcome import Refused
from tidegate_traffic_shifter.rewriting import Rewriting
from tidegate_traffic_shifter.routers.istio_destination_rule import IstioDestinationRule
from tidegate_traffic_shifter.seen import Route


class Seen(Rewriting):
    async def _look(self, place: Any, fence: Any) -> Route:
        del place, fence
        return Route(spec={"host": "other"})


def test_a_destination_rule_for_another_host_is_named_as_that() -> None:
    cluster: Any = SimpleNamespace(client=None)
    fence: Any = None
    refused = asyncio.run(Seen(cluster, IstioDestinationRule(), "istio-destination-rule").check(PLACE, share(0), fence))
    assert isinstance(refused, Refused)
    assert "workloadSelector" in refused.problem.remedy

"""What the Gateway API's kinds of routes have in common: rules, weighted backends, conditions. Pure.

The base of `routers.gateway_http_route` and `routers.gateway_grpc_route`, which say how their matches are narrowed.
"""

from abc import ABC, abstractmethod

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import acceptance, rendering, shares
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.matches import Match
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share


class GatewayRules(ABC):
    """A `Rewritten` format but for its resource, its abilities and `narrow`."""

    @abstractmethod
    def narrow(self, own: Match, wanted: HttpMatch) -> Match | None:
        """Requests that fit both; None where none can."""

    def objection(self, route: Route) -> str | None:
        return acceptance.objection(route)

    def part(self, route: Route) -> list[Rule]:
        return route.rules

    def patch(self, part: list[Rule]) -> Body:
        return {"spec": {"rules": part}}

    def holds(self, part: list[Rule], namespace: str, service: str) -> bool:
        return shares.holds(part, namespace, service)

    def has_room(self, original: list[Rule], namespace: str, share: Share) -> bool:
        return not share.matches or len(self.render(original, namespace, share)) > len(original)

    def render(self, original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        return rendering.render(original, namespace, share, self.narrow)

    def recover(self, edited: list[Rule], original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        return rendering.recover(edited, original, namespace, share, self.narrow)

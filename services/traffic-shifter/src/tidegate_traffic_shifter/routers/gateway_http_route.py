"""Gateway API HTTPRoutes: the share as weights of backend references, matches as a rule in front. Pure."""

from tidegate_chassis.kubernetes.resources import HTTP_ROUTES
from tidegate_contracts.rollout import HttpMatch
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import matches
from tidegate_traffic_shifter.gateway_rules import GatewayRules
from tidegate_traffic_shifter.matches import Match


class GatewayHttpRoute(GatewayRules):
    resource = HTTP_ROUTES
    abilities = BUILT_IN["gateway-http-route"]

    def narrow(self, own: Match, wanted: HttpMatch) -> Match | None:
        return matches.http(own, wanted)

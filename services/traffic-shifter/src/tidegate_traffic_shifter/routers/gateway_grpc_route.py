"""Gateway API GRPCRoutes: as HTTPRoutes, matched by the method that is called instead of a path. Pure."""

from tidegate_chassis.kubernetes.resources import GRPC_ROUTES
from tidegate_contracts.rollout import HttpMatch
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import matches
from tidegate_traffic_shifter.gateway_rules import GatewayRules
from tidegate_traffic_shifter.matches import Match


class GatewayGrpcRoute(GatewayRules):
    resource = GRPC_ROUTES
    abilities = BUILT_IN["gateway-grpc-route"]

    def narrow(self, own: Match, wanted: HttpMatch) -> Match | None:
        return matches.grpc(own, wanted)

"""Istio's DestinationRules: both versions of one Service as subsets, for VirtualServices that name them. Pure.

It routes nothing itself, so that a share changes nothing in it: it is written once before the VirtualServices, and
given back after them. A subset's own policy is none: it has the one that the user's DestinationRule has for all.
"""

from tidegate_chassis.kubernetes.resources import DESTINATION_RULES
from tidegate_contracts.routers import BUILT_IN, DESTINATION_RULE
from tidegate_traffic_shifter import subsets
from tidegate_traffic_shifter.acceptance import Untold
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

FIELDS = ("host", "subsets", "workloadSelector")
OURS = (subsets.STABLE, subsets.CANARY)


class IstioDestinationRule(Untold):
    resource = DESTINATION_RULES
    abilities = BUILT_IN[DESTINATION_RULE]

    def part(self, route: Route) -> Body:
        return {field: route.spec[field] for field in FIELDS if field in route.spec}

    def patch(self, part: Body) -> Body:
        return {"spec": part}

    def holds(self, part: Body, namespace: str, service: str) -> bool:
        """Not one for some clients only: all others would ask for subsets that they don't know."""
        return subsets.is_service(part.get("host", ""), namespace, service) and not part.get("workloadSelector")

    def has_room(self, original: Body, namespace: str, share: Share) -> bool:
        del original, namespace, share
        return True

    def render(self, original: Body, namespace: str, share: Share) -> Body:
        del namespace
        if share.revisions is None:
            return original
        return original | {"subsets": [*(original.get("subsets") or []), *subsets.declared(share.revisions)]}

    def recover(self, edited: Body, original: Body, namespace: str, share: Share) -> Body:
        del namespace, share
        kept = [each for each in edited.get("subsets") or [] if each["name"] not in OURS]
        without = {field: part for field, part in edited.items() if field != "subsets"}
        own = kept or ("subsets" in edited and "subsets" in original)
        return without | ({"subsets": kept} if own else {})

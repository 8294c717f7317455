"""Contour's HTTPProxies: the share as weights of a route's services, each match as routes in front. Pure.

A TCP proxy in it has shares, too, and nothing else. Contour says in the condition `Valid` what it has taken.
"""

from typing import Any, ClassVar, Final

from tidegate_chassis.kubernetes.resources import HTTP_PROXIES
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import conditions, paths
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.header_changes import joined
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.weighted import Reference, Rules, WeightedRules

ROUTES: Final = "routes"
TCP: Final = "tcpproxy"
POLICY: Final = "requestHeadersPolicy"


class ContourHttpProxy(WeightedRules):
    resource = HTTP_PROXIES
    abilities = BUILT_IN["contour-http-proxy"]
    fields: ClassVar[tuple[str, ...]] = (ROUTES, TCP)
    backends: ClassVar[str] = "services"

    def objection(self, route: Route) -> str | None:
        valid = next((each for each in route.status.conditions or () if each.type == "Valid"), None)
        if valid is None or valid.observed_generation < route.metadata.generation:
            return f"Contour has not answered for generation {route.metadata.generation} yet"
        if valid.status == "True":
            return None
        told = "; ".join(f"{each.get('reason', '')}: {each.get('message', '')}" for each in valid.errors or ())
        return f"Contour says Valid is {valid.status}: {told or valid.message or valid.reason}"

    def part(self, route: Route) -> Rules:
        found = super().part(route)
        return found | {TCP: [route.spec[TCP]]} if TCP in found else found

    def patch(self, part: Rules) -> Body:
        spec: dict[str, Any] = {field: rules for field, rules in part.items() if field != TCP}
        return {"spec": spec | ({TCP: part[TCP][0]} if TCP in part else {})}

    def names(self, reference: Reference, namespace: str, service: str) -> bool:
        del namespace  # an HTTPProxy sends to Services of its own namespace only
        return reference.get("name") == service and not self.is_copy(reference)

    def is_copy(self, reference: Reference) -> bool:
        return bool(reference.get("mirror"))

    def canary(self, reference: Reference, field: str, share: Share) -> Reference:
        canary = reference | {"name": share.canary_service}
        if share.request_headers is None or field == TCP:
            return canary
        return canary | {POLICY: joined(reference.get(POLICY) or {}, share.request_headers)}

    def mirrored(self, rule: Rule, field: str, share: Share) -> Rule:
        if field == TCP:
            return rule
        canary = next(each for each in rule[self.backends] if each["name"] == share.canary_service)
        return rule | {self.backends: [*rule[self.backends], canary | {"mirror": True, "weight": share.mirror_percent}]}

    def unmirrored(self, rule: Rule, namespace: str, share: Share) -> Rule:
        del namespace
        services = rule.get(self.backends) or []
        kept = [each for each in services if not (self.is_copy(each) and each["name"] == share.canary_service)]
        return rule if len(kept) == len(services) else rule | {self.backends: kept}

    def in_front(self, rule: Rule, field: str, share: Share) -> list[Rule]:
        if field == TCP:
            return []
        own: conditions.Conditions = rule.get("conditions") or []
        # A path that is rewritten would be another one under a narrower prefix.
        matches = [each for each in share.matches if not (rule.get("pathRewritePolicy") and paths.has_path(each))]
        return [rule | {"conditions": found} for each in matches for found in conditions.narrowed(own, each)]

"""Contour's HTTPProxies: the share as weights of a route's services, each match as routes in front. Pure.

A TCP proxy in it has shares, too, and nothing else. Contour says in the condition `Valid` what it has taken.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from tidegate_chassis.kubernetes.resources import HTTP_PROXIES
from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import conditions, paths
from tidegate_traffic_shifter.acceptance import unmet
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.header_changes import joined
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.worded_fields import WordedFields
from tidegate_traffic_shifter.worded_rules import WordedRules

ROUTES: Final = "routes"
TCP: Final = "tcpproxy"
SERVICES: Final = "services"
POLICY: Final = "requestHeadersPolicy"


class Services(Words, frozen=True):
    """Of a route, whose headers can be changed."""

    def changed(self, backend: Backend, change: HeaderChange) -> Backend:
        return backend | {POLICY: joined(backend.get(POLICY) or {}, change)}


class Routes(WordedRules):
    """Those of requests. A service that only gets copies of them isn't one of the backends that share them."""

    words: ClassVar[Words] = Services(identity=("name", "port"), usual_weight=0, none_is_even=True)
    rules_field: ClassVar[str] = ROUTES
    backends_field: ClassVar[str] = SERVICES
    in_order: ClassVar[bool] = True

    def backends(self, rule: Rule) -> list[Backend]:
        return [each for each in super().backends(rule) if not _is_copy(each)]

    def with_backends(self, rule: Rule, found: list[Backend]) -> Rule:
        return super().with_backends(rule, [*found, *filter(_is_copy, rule.get(SERVICES) or [])])

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        own: conditions.Conditions = rule.get("conditions") or []
        # A path that is rewritten would be another one under a narrower prefix.
        wanted = [each for each in matches if not (rule.get("pathRewritePolicy") and paths.has_path(each))]
        without_copies = rule | {SERVICES: self.backends(rule)}
        return [without_copies | {"conditions": found} for each in wanted for found in conditions.narrowed(own, each)]

    def mirrored(self, rule: Rule, share: Share) -> Rule:
        canary = next(each for each in self.backends(rule) if each["name"] == share.canary_service)
        return rule | {SERVICES: [*rule[SERVICES], canary | {"mirror": True, "weight": share.mirror_percent}]}

    def unmirrored(self, rule: Rule, share: Share) -> Rule:
        services = rule.get(SERVICES) or []
        kept = [each for each in services if not (_is_copy(each) and each["name"] == share.canary_service)]
        return rule if len(kept) == len(services) else rule | {SERVICES: kept}


class TcpProxy(WordedRules):
    """The one rule of connections: they have shares, and nothing else."""

    words: ClassVar[Words] = Words(identity=("name", "port"), usual_weight=0, none_is_even=True)
    backends_field: ClassVar[str] = SERVICES

    def part(self, route: Route) -> list[Rule]:
        return [route.spec[TCP]] if route.spec.get(TCP) else []

    def patch(self, part: list[Rule]) -> Body:
        return {"spec": {TCP: part[0]}}


class ContourHttpProxy(WordedFields):
    resource = HTTP_PROXIES
    abilities = BUILT_IN["contour-http-proxy"]
    lists: ClassVar[Mapping[str, WordedRules]] = {ROUTES: Routes(), TCP: TcpProxy()}

    def objection(self, route: Route) -> str | None:
        valid = next((each for each in route.status.conditions or () if each.type == "Valid"), None)
        return unmet(valid, "Contour", "Valid", route.metadata.generation)


def _is_copy(service: Backend) -> bool:
    return bool(service.get("mirror"))

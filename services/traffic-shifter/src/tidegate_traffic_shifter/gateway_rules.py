"""What the Gateway API's kinds of routes have in common: rules, weighted backends, conditions. Pure.

The base of `routers.gateway_http_route` and `routers.gateway_grpc_route`, which say how their matches are narrowed.
Where both versions have one Service, `marked` says what becomes of the rules.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from msgspec.structs import replace

from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_traffic_shifter import acceptance, marked, mirrors
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.header_changes import RESPONSE, SET_COOKIE, Filter, changed, touches
from tidegate_traffic_shifter.matches import Match, moves_prefix, narrowed, of_any_path
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.worded_rules import WordedRules


class References(Words, frozen=True):
    """To backends; each may have filters of its own, so that no other request has its change of headers."""

    def names(self, backend: Backend, namespace: str, service: str) -> bool:
        return not backend.get("group") and super().names(backend, namespace, service)

    def changed(self, backend: Backend, change: HeaderChange) -> Backend:
        return changed(backend, change)

    def with_cookie(self, backend: Backend, set_cookie: str) -> Backend:
        return changed(backend, HeaderChange(add={SET_COOKIE: set_cookie}), RESPONSE)

    def sets_cookie(self, backend: Backend) -> bool:
        return any(touches(each.get(RESPONSE.field) or {}, SET_COOKIE) for each in backend.get("filters") or [])


class GatewayRules(WordedRules, ABC):
    """A `Rewritten` format but for its resource, its abilities and `narrow`."""

    words: ClassVar[Words] = References(
        kinds=("Service",), identity=("group", "kind", "namespace", "name", "port"), alone_weight=1
    )
    rules_field: ClassVar[str] = "rules"
    backends_field: ClassVar[str] = "backendRefs"

    @abstractmethod
    def narrow(self, own: Match, wanted: HttpMatch) -> Match | None:
        """Requests that fit both; None where none can."""

    def objection(self, route: Route) -> str | None:
        return acceptance.objection(route)

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        # A name would not be unique any more.
        kept = {name: part for name, part in rule.items() if name != "name"}
        if moves_prefix(self._filters(rule)):
            # An API server takes such a rule with one match only.
            alone = narrowed(rule.get("matches"), of_any_path(matches), self.narrow)
            return [kept | {"matches": [each]} for each in alone]
        found = narrowed(rule.get("matches"), matches, self.narrow)
        return [kept | {"matches": found}] if found else []

    def fronts(self, rule: Rule, namespace: str, share: Share) -> list[Rule]:
        """A change of headers is the whole rule's there: more gateways know that than a backend's."""
        found = super().fronts(rule, namespace, replace(share, request_headers=None))
        return [changed(each, share.request_headers) for each in found] if share.request_headers else found

    def mirrored(self, rule: Rule, share: Share) -> Rule:
        return mirrors.mirrored(rule, share)

    def unmirrored(self, rule: Rule, share: Share) -> Rule:
        return mirrors.unmirrored(rule, share)

    def render(self, original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        if share.headers is not None:
            return marked.render(self, original, namespace, share)
        return super().render(original, namespace, share)

    def recover(self, edited: list[Rule], original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        if share.headers is not None:
            return marked.recover(self, edited, original, namespace, share)
        return super().recover(edited, original, namespace, share)

    def _filters(self, rule: Rule) -> list[Filter]:
        """The rule's and its backends'."""
        return [each for part in (rule, *self.backends(rule)) for each in part.get("filters") or []]

"""Kuma's MeshHTTPRoutes: a Gateway's rules for each destination, their backends one level deeper. Pure.

Kuma ranks rules as a Gateway does, any prefix before any pattern: a match by a pattern of paths would come too late. A
MeshService is named, or known by the label with its Service's name, as Kuma 3 wants it.
"""

from typing import Any, ClassVar, Final

from msgspec.structs import replace

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.rollout import HttpMatch
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import matches as gateway
from tidegate_traffic_shifter.acceptance import Untold
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.mirrors import FIELD, MIRROR
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.worded_rules import WordedRules

NAME: Final = "kuma.io/display-name"
NAMESPACE: Final = "k8s.kuma.io/namespace"

Destination = dict[str, Any]


class MeshServices(Words, frozen=True):
    """By name, or by the label."""

    def names(self, backend: Backend, namespace: str, service: str) -> bool:
        labels = backend.get("labels") or {}
        by_name = {"name": labels.get(NAME), "namespace": labels.get(NAMESPACE, namespace)} if labels else {}
        return super().names(backend | by_name, namespace, service)

    def renamed(self, backend: Backend, service: str) -> Backend:
        labels = backend.get("labels")
        return backend | ({"labels": labels | {NAME: service}} if labels else {"name": service})

    def identify(self, backend: Backend) -> tuple[object, ...]:
        return (*super().identify(backend), *sorted((backend.get("labels") or {}).items()))


class KumaRules(WordedRules):
    """The rules of one destination."""

    words: ClassVar[Words] = MeshServices(
        kinds=("MeshService",), identity=("kind", "namespace", "name", "port", "sectionName")
    )

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        moved = gateway.moves_prefix((rule.get("default") or {}).get("filters") or [])
        wanted = tuple(map(_in_lower_case, gateway.of_any_path(matches) if moved else matches))
        found = gateway.narrowed(rule.get("matches"), wanted, gateway.http)
        return [rule | {"matches": found}] if found else []

    def backends(self, rule: Rule) -> list[Backend]:
        return (rule.get("default") or {}).get("backendRefs") or []

    def with_backends(self, rule: Rule, found: list[Backend]) -> Rule:
        return rule | {"default": (rule.get("default") or {}) | {"backendRefs": found}}

    def mirrored(self, rule: Rule, share: Share) -> Rule:
        """The weight counts for nothing there; it is the definition's default, which would be put in anyway."""
        default = rule["default"]
        canary = next(each for each in self.backends(rule) if _called(each) == share.canary_service)
        ours = {"type": MIRROR, FIELD: {"percentage": share.mirror_percent, "backendRef": canary | {"weight": 1}}}
        return rule | {"default": default | {"filters": [*(default.get("filters") or []), ours]}}

    def unmirrored(self, rule: Rule, share: Share) -> Rule:
        default = rule.get("default") or {}
        filters = default.get("filters") or []
        kept = [each for each in filters if not _copies_to(each, share.canary_service)]
        if len(kept) == len(filters):
            return rule
        others = {name: part for name, part in default.items() if name != "filters"}
        return rule | {"default": others | ({"filters": kept} if kept else {})}


class KumaMeshHttpRoute(Untold):
    resource = Resource("kuma.io", "v1alpha1", "meshhttproutes", "MeshHTTPRoute")
    abilities = BUILT_IN["kuma-mesh-http-route"]

    def __init__(self) -> None:
        self._rules = KumaRules()

    def part(self, route: Route) -> list[Destination]:
        return route.spec.get("to") or []

    def patch(self, part: list[Destination]) -> Body:
        return {"spec": {"to": part}}

    def holds(self, part: list[Destination], namespace: str, service: str) -> bool:
        return any(self._rules.holds(rules_of(each), namespace, service) for each in part)

    def has_room(self, original: list[Destination], namespace: str, share: Share) -> bool:
        return any(self._rules.has_room(rules_of(each), namespace, share) for each in original)

    def render(self, original: list[Destination], namespace: str, share: Share) -> list[Destination]:
        return [each | {"rules": self._rules.render(rules_of(each), namespace, share)} for each in original]

    def recover(
        self, edited: list[Destination], original: list[Destination], namespace: str, share: Share
    ) -> list[Destination]:
        """Each destination's rules by those of the same one before the edit."""
        recovered = []
        for each in edited:
            own = [rule for other in original if _target(other) == _target(each) for rule in rules_of(other)]
            recovered.append(each | {"rules": self._rules.recover(rules_of(each), own, namespace, share)})
        return recovered


def rules_of(destination: Destination) -> list[Rule]:
    return destination.get("rules") or []


def _called(backend: Backend) -> Any:
    """The Service's name, however it is said."""
    return (backend.get("labels") or {}).get(NAME, backend.get("name"))


def _copies_to(each: dict[str, Any], service: str) -> bool:
    return each.get("type") == MIRROR and _called((each.get(FIELD) or {}).get("backendRef") or {}) == service


def _target(destination: Destination) -> Any:
    return destination.get("targetRef")


def _in_lower_case(match: HttpMatch) -> HttpMatch:
    """Headers as Kuma names them: its schema takes no others."""
    return replace(
        match,
        headers={name.lower(): value for name, value in match.headers.items()},
        headers_regex={name.lower(): value for name, value in match.headers_regex.items()},
    )

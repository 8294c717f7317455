"""Istio's VirtualServices: the share as weights of http, tcp and tls routes between two Services. Pure.

A destination with a subset is left alone: the new version stands behind a Service of its own, for which nobody has
declared subsets. No condition tells what the proxies have taken.
"""

from typing import Any, ClassVar, Final

from tidegate_chassis.kubernetes.resources import VIRTUAL_SERVICES
from tidegate_contracts.rollout import HeaderChange
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import paths, virtual_matches
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.weighted import Reference, WeightedRules

HTTP: Final = "http"


class IstioVirtualService(WeightedRules):
    resource = VIRTUAL_SERVICES
    abilities = BUILT_IN["istio-virtual-service"]
    fields: ClassVar[tuple[str, ...]] = (HTTP, "tcp", "tls")
    backends: ClassVar[str] = "route"

    def objection(self, route: Route) -> str | None:
        """What the API server has taken is all that can be known."""
        del route
        return None

    def names(self, reference: Reference, namespace: str, service: str) -> bool:
        destination = reference["destination"]
        name, *more = destination["host"].split(".")
        within = more[:2] in ([], [namespace], [namespace, "svc"])
        return bool(name == service and within and not destination.get("subset"))

    def canary(self, reference: Reference, field: str, share: Share) -> Reference:
        destination = reference["destination"]
        _, dot, more = destination["host"].partition(".")
        canary = reference | {"destination": destination | {"host": f"{share.canary_service}{dot}{more}"}}
        if share.request_headers is None or field != HTTP:
            return canary
        headers = reference.get("headers") or {}
        return canary | {"headers": headers | {"request": _joined(headers.get("request") or {}, share.request_headers)}}

    def in_front(self, rule: Rule, field: str, share: Share) -> list[Rule]:
        if field != HTTP:
            return []
        # A path that is rewritten would be another one under a narrower prefix.
        rewritten = (rule.get("rewrite") or {}).get("uri")
        wanted = tuple(each for each in share.matches if not (rewritten and paths.has_path(each)))
        found = virtual_matches.narrowed(rule.get("match"), wanted)
        kept = {name: value for name, value in rule.items() if name != "name"}
        return [kept | {"match": found}] if found else []


def _joined(own: dict[str, Any], change: HeaderChange) -> dict[str, Any]:
    """The user's own change of headers with the order's in it, which wins."""
    ours = {name.lower() for name in (*change.set, *change.add, *change.remove)}
    parts: dict[str, Any] = {
        part: {name: value for name, value in (own.get(part) or {}).items() if name.lower() not in ours} | wanted
        for part, wanted in (("set", change.set), ("add", change.add))
    }
    parts["remove"] = [name for name in own.get("remove") or [] if name.lower() not in ours] + list(change.remove)
    return {part: found for part, found in parts.items() if found}

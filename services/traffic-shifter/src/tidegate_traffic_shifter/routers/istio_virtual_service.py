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
MIRRORS: Final = "mirrors"
SINGLE: Final = ("mirror", "mirrorPercentage", "mirror_percent", "mirrorPercent")
"""How a single mirror is said."""


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

    def mirrored(self, rule: Rule, field: str, share: Share) -> Rule:
        """One of the user's own stays beside it: Istio takes either one mirror or a list of them."""
        if field != HTTP:
            return rule
        host = next(each["destination"] for each in rule[self.backends] if self._is_canary(each, share))
        ours = {"destination": host, "percentage": {"value": share.mirror_percent}}
        own = [*(rule.get(MIRRORS) or []), *_single(rule)]
        return {name: part for name, part in rule.items() if name not in SINGLE} | {MIRRORS: [*own, ours]}

    def unmirrored(self, rule: Rule, namespace: str, share: Share) -> Rule:
        del namespace
        mirrors = rule.get(MIRRORS) or []
        kept = [each for each in mirrors if not self._is_canary(each, share)]
        if len(kept) == len(mirrors):
            return rule
        return {name: part for name, part in rule.items() if name != MIRRORS} | ({MIRRORS: kept} if kept else {})

    def _is_canary(self, reference: Reference, share: Share) -> bool:
        return bool(reference["destination"]["host"].split(".")[0] == share.canary_service)

    def in_front(self, rule: Rule, field: str, share: Share) -> list[Rule]:
        if field != HTTP:
            return []
        # A path that is rewritten would be another one under a narrower prefix.
        rewritten = (rule.get("rewrite") or {}).get("uri")
        wanted = tuple(each for each in share.matches if not (rewritten and paths.has_path(each)))
        found = virtual_matches.narrowed(rule.get("match"), wanted)
        kept = {name: value for name, value in rule.items() if name != "name"}
        return [kept | {"match": found}] if found else []


def _single(rule: Rule) -> list[Reference]:
    """The user's own single mirror as one of a list."""
    if "mirror" not in rule:
        return []
    old = next(({"value": rule[name]} for name in ("mirrorPercent", "mirror_percent") if name in rule), None)
    percentage = rule.get("mirrorPercentage") or old
    return [{"destination": rule["mirror"]} | ({"percentage": percentage} if percentage else {})]


def _joined(own: dict[str, Any], change: HeaderChange) -> dict[str, Any]:
    """The user's own change of headers with the order's in it, which wins."""
    ours = {name.lower() for name in (*change.set, *change.add, *change.remove)}
    parts: dict[str, Any] = {
        part: {name: value for name, value in (own.get(part) or {}).items() if name.lower() not in ours} | wanted
        for part, wanted in (("set", change.set), ("add", change.add))
    }
    parts["remove"] = [name for name in own.get("remove") or [] if name.lower() not in ours] + list(change.remove)
    return {part: found for part, found in parts.items() if found}

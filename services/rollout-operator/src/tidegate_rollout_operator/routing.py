"""What a Rollout says of traffic, in the words of a request: routes, matches and changes of headers.

Pure; called by `translate`. What a router can't say is told by the rules of requests.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import HeaderChange, HttpMatch, TrafficReference
from tidegate_contracts.routers import BUILT_IN, INGRESS_SCRIPT, SCRIPT
from tidegate_rollout_operator.kruise import HttpRouteMatch, Match, Style, TrafficRouting

GRACE_SECONDS: Final = 3
"""Kruise's default."""

HTTP_ROUTE: Final = "gateway-http-route"
INGRESSES: Final[Mapping[str, str]] = {
    "": "ingress-nginx",
    "nginx": "ingress-nginx",
    "higress": "ingress-higress",
    "aliyun-alb": "ingress-aliyun-alb",
    "mse": "ingress-mse",
}
"""Routers by the class types that Kruise has a script for; a script of the cluster's serves any other."""

EXACT: Final = "Exact"
PATTERN: Final = "RegularExpression"
PREFIX: Final = "PathPrefix"


class Named(Protocol):
    """A header with its value, in whichever object it stands."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...


class _Header(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class _HeaderModifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    set: tuple[_Header, ...] | None = None
    add: tuple[_Header, ...] | None = None
    remove: tuple[str, ...] | None = None


def references(style: Style) -> list[tuple[str, TrafficReference]]:
    """The routes of all routings, each with the field that names it, in the order in which Kruise asks them."""
    return [
        (f"trafficRoutings[{index}]{part}", reference)
        for index, routing in enumerate(style.traffic_routings)
        for part, reference in routes_of(routing, one_service=style.disable_generate_canary_service)
    ]


def routes_of(routing: TrafficRouting, *, one_service: bool) -> Iterator[tuple[str, TrafficReference]]:
    """The routes of one routing, each with the field in it that names it."""
    common = TrafficReference(
        route="",
        service=routing.service,
        canary_service=routing.service if one_service else None,
        grace_s=grace_s(routing),
    )
    for index, each in enumerate(routing.custom_network_refs):
        found = {"route": str(each.get("name", "")), "kind": str(each.get("kind", ""))}
        api_version = str(each.get("apiVersion", ""))
        yield f".customNetworkRefs[{index}].name", replace(common, router=SCRIPT, api_version=api_version, **found)
    if routing.ingress is not None:
        class_type = str(routing.ingress.get("classType") or "")
        router = router_of(class_type)
        own = {"class_type": class_type} if router == INGRESS_SCRIPT else {}
        yield ".ingress.name", replace(common, route=str(routing.ingress.get("name", "")), router=router, **own)
    if routing.gateway is not None and routing.gateway.http_route_name:
        yield ".gateway.httpRouteName", replace(common, route=routing.gateway.http_route_name, router=HTTP_ROUTE)


def router_of(class_type: str) -> str:
    """Which router an Ingress of a class has."""
    return INGRESSES.get(class_type, INGRESS_SCRIPT)


def grace_s(routing: TrafficRouting) -> float:
    seconds = routing.grace_period_seconds
    return float(seconds if seconds is not None else GRACE_SECONDS)


def routing_problems(at: str, routing: TrafficRouting) -> Iterator[Problem]:
    """What of a routing has no router."""
    gateway = routing.gateway is not None and bool(routing.gateway.http_route_name)
    if routing.ingress is None and not gateway and not routing.custom_network_refs:
        remedy = "Name the HTTPRoute in gateway.httpRouteName, or the Ingress in ingress.name."
        yield problem(f"{at}.gateway", "missing", "the name of an HTTPRoute or an Ingress, or other objects", remedy)


def one_service_problems(at: str, style: Style) -> Iterator[Problem]:
    """Where there is one Service for both versions, something else has to tell them apart."""
    if not style.disable_generate_canary_service:
        return
    for field, reference in references(style):
        if not BUILT_IN[reference.router].one_service:
            rule = f"left out: {field.rpartition('.')[0]} tells versions apart by their Services alone"
            remedy = "Leave it out, or use customNetworkRefs, or an Ingress of the class mse or of one with a script."
            yield problem(f"{at}.disableGenerateCanaryService", "true", rule, remedy)


def match_of(match: HttpRouteMatch) -> HttpMatch:
    path = match.path
    value = (path.value or "/") if path is not None else None
    kind = (path.type or PREFIX) if path is not None else ""
    return HttpMatch(
        headers=_of_kind(match.headers, EXACT),
        headers_regex=_of_kind(match.headers, PATTERN),
        query=_of_kind(match.query_params, EXACT),
        query_regex=_of_kind(match.query_params, PATTERN),
        path_prefix=value if kind == PREFIX else None,
        path_exact=value if kind == EXACT else None,
        path_regex=value if kind == PATTERN else None,
    )


def _of_kind(conditions: tuple[Match, ...], kind: str) -> dict[str, str]:
    return {each.name: each.value for each in conditions if (each.type or EXACT) == kind}


def match_problems(at: str, match: HttpRouteMatch) -> Iterator[Problem]:
    """What of a match can't be said in a request."""
    for part, conditions in (("headers", match.headers), ("queryParams", match.query_params)):
        seen: set[tuple[str, str]] = set()
        for index, each in enumerate(conditions):
            if each.type not in ("", EXACT, PATTERN):
                rule = f"{EXACT} or {PATTERN}"
                yield problem(f"{at}.{part}[{index}].type", each.type, rule, "Use one of these.")
            if (each.name, each.type or EXACT) in seen:
                rule = "one condition for each name"
                yield problem(f"{at}.{part}[{index}].name", each.name, rule, "Leave one of them.")
            seen.add((each.name, each.type or EXACT))
    if match.path is not None and match.path.type not in ("", PREFIX, EXACT, PATTERN):
        rule = f"{PREFIX}, {EXACT} or {PATTERN}"
        yield problem(f"{at}.path.type", match.path.type, rule, "Use one of these.")


def header_change(modifier: dict[str, Any] | None) -> HeaderChange | None:
    """A modifier that was found to be one; None where it changes nothing."""
    given = msgspec.convert(modifier or {}, _HeaderModifier)
    change = change_of(given.set or (), given.add or (), given.remove or ())
    return change if change != HeaderChange() else None


def change_of(set_to: Iterable[Named], added: Iterable[Named], removed: tuple[str, ...]) -> HeaderChange:
    """Of headers of one name the last one counts."""
    return HeaderChange(set=_pairs(set_to), add=_pairs(added), remove=removed)


def header_problems(at: str, modifier: dict[str, Any]) -> Iterator[Problem]:
    try:
        given = msgspec.convert(modifier, _HeaderModifier)
    except msgspec.ValidationError as error:
        yield problem(at, str(error), "a header filter as the Gateway API has it", "Give lists set, add and remove.")
        return
    for part, pairs in (("set", given.set or ()), ("add", given.add or ())):
        if len({each.name for each in pairs}) < len(pairs):
            yield problem(f"{at}.{part}", "a name twice", "one change for each header", "Leave one of them.")


def _pairs(headers: Iterable[Named]) -> dict[str, str]:
    return {each.name: each.value for each in headers}

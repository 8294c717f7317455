"""What each built-in router can say, so that a request that asks for more is refused before anything moves. Pure.

Asked by `validate_steps` for the routers that are known here, and by the traffic-shifter for every router, plugins
included: a plugin brings its own `Abilities`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import HeaderChange, HttpMatch

COOKIE: Final = "canary-by-cookie"
"""A header of this name stands for a cookie in the formats that know cookies; its value is the cookie's name."""

PARTS: Final = ("headers", "headers_regex", "query", "query_regex", "path_prefix", "path_exact", "path_regex", "grpc")
"""The kinds of conditions that a match may have."""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a router's format has words for."""

    shares: bool = True
    match_parts: frozenset[str] = frozenset()
    """Those of `PARTS` that can be said."""
    slots: bool = False
    """True where the format has one place for a header, one for a cookie and one for a query, any of which matches."""
    matches_max: int | None = None
    """How many matches there may be at once."""
    header_changes: frozenset[str] = frozenset()
    """Of `set`, `add` and `remove`."""
    header_changes_max: int | None = None
    mirrors: bool = False
    """Whether requests can be copied to the new version."""
    session_affinity: bool = False
    """Whether an answer of the new version's can be given a cookie, by which later requests come to it again."""
    marks: bool = False
    """Whether requests to one and the same Service can be marked by a change of headers."""
    one_service: bool = False
    """Whether versions can be told apart behind one and the same Service: then no canary Service has to be made."""
    by_revision: bool = False
    """Whether they are told apart there by the label of their pods' revision: then they are from before the first new
    pod on."""
    declares: bool = False
    """Whether the object routes nothing itself, and only says what others name: it is written before these, and given
    back after them."""


SCRIPT: Final = "script"
"""The router for any kind of object, named in the reference: a script of the cluster's says what it shall be."""
INGRESS_SCRIPT: Final = "ingress-script"
"""The router for Ingresses of any class, named in the reference: a script says which annotations a canary has."""

DESTINATION_RULE: Final = "istio-destination-rule"
"""The router for the object that declares both versions as subsets of one Service, for the routes that name them."""

_HTTP: Final = Abilities(
    match_parts=frozenset(PARTS) - {"grpc"},
    header_changes=frozenset({"set", "add", "remove"}),
    mirrors=True,
    session_affinity=True,
    marks=True,
)
_HTTP_PROXY: Final = Abilities(match_parts=_HTTP.match_parts, header_changes=frozenset({"set", "remove"}), mirrors=True)
_ISTIO: Final = Abilities(
    match_parts=_HTTP.match_parts,
    header_changes=_HTTP.header_changes,
    mirrors=True,
    session_affinity=True,
    one_service=True,
    by_revision=True,
)
_ISTIO_SUBSETS: Final = msgspec.structs.replace(
    _ISTIO, match_parts=frozenset(PARTS), session_affinity=False, declares=True
)
"""Whatever is asked of those that name the subsets; a cookie is theirs to set."""
_GRPC: Final = Abilities(
    match_parts=frozenset({"headers", "headers_regex", "grpc"}),
    header_changes=_HTTP.header_changes,
    mirrors=True,
    marks=True,
)
_NGINX: Final = Abilities(match_parts=frozenset({"headers", "headers_regex"}), slots=True)
_MSE: Final = Abilities(
    match_parts=_NGINX.match_parts | {"query", "query_regex"},
    slots=True,
    header_changes=frozenset({"set"}),
    header_changes_max=1,
    marks=True,
    one_service=True,
)
_WEIGHTS: Final = Abilities()
_EXPRESSIONS: Final = Abilities(match_parts=_HTTP.match_parts)
_KUMA: Final = Abilities(match_parts=_HTTP.match_parts - {"path_regex"}, mirrors=True)
_AWS_ALB: Final = Abilities(match_parts=frozenset({"headers", "query", "path_prefix", "path_exact"}))
_HAPROXY: Final = Abilities(shares=False, match_parts=frozenset({"headers", "headers_regex"}), matches_max=1)
_SCRIPT: Final = Abilities(
    match_parts=_HTTP.match_parts,
    header_changes=_HTTP.header_changes,
    marks=True,
    one_service=True,
)
BUILT_IN: Final[Mapping[str, Abilities]] = {
    "gateway-http-route": _HTTP,
    "gateway-grpc-route": _GRPC,
    "contour-http-proxy": _HTTP_PROXY,
    "istio-virtual-service": _ISTIO,
    DESTINATION_RULE: _ISTIO_SUBSETS,
    "ingress-nginx": _NGINX,
    "ingress-higress": _NGINX,
    "ingress-aliyun-alb": _NGINX,
    "ingress-mse": _MSE,
    "ingress-aws-alb": _AWS_ALB,
    "ingress-haproxy": _HAPROXY,
    "traefik-ingress-route": _EXPRESSIONS,
    "traefik-service": _WEIGHTS,
    "apisix-route": _EXPRESSIONS,
    "kuma-mesh-http-route": _KUMA,
    "smi-traffic-split": _WEIGHTS,
    INGRESS_SCRIPT: _SCRIPT,
    SCRIPT: _SCRIPT,
}
"""By the plugin's name."""


REWRITTEN: Final[Mapping[str, str]] = {
    "gateway-http-route": "HTTPRoute",
    "gateway-grpc-route": "GRPCRoute",
    "contour-http-proxy": "HTTPProxy",
    "istio-virtual-service": "VirtualService",
    DESTINATION_RULE: "DestinationRule",
    "ingress-aws-alb": "Ingress",
    "traefik-ingress-route": "IngressRoute",
    "traefik-service": "TraefikService",
    "apisix-route": "ApisixRoute",
    "kuma-mesh-http-route": "MeshHTTPRoute",
    "smi-traffic-split": "TrafficSplit",
}
"""Which kind of the user's own objects a built-in router writes: a script may not write the same one."""


def beyond(
    router: str,
    abilities: Abilities,
    *,
    weight_percent: int | None,
    matches: tuple[HttpMatch, ...],
    request_headers: HeaderChange | None,
    mirror_percent: int | None = None,
    field: str,
) -> Iterator[Problem]:
    """What is asked for and can't be said by the router; `field` is where the step's traffic stands."""
    if weight_percent and not abilities.shares:
        remedy = "Use matches, or a router that can share."
        yield problem(f"{field}.weight_percent", weight_percent, f"no share: {router} has none", remedy)
    most = abilities.matches_max
    if most is not None and len(matches) > most:
        yield problem(
            f"{field}.matches", len(matches), f"at most {most} for {router}", "Join them into one by a pattern."
        )
    for index, match in enumerate(matches):
        for part in PARTS:
            if getattr(match, part) and part not in abilities.match_parts:
                can = ", ".join(each for each in PARTS if each in abilities.match_parts) or "nothing"
                rule = f"what {router} can match by: {can}"
                yield problem(f"{field}.matches[{index}].{part}", part, rule, "Match by these, or use another router.")
    if mirror_percent and not abilities.mirrors:
        remedy = "Leave it out, or use a router that can copy requests."
        yield problem(f"{field}.mirror_percent", mirror_percent, f"no copies: {router} makes none", remedy)
    if abilities.slots:
        yield from _crowded(router, matches, f"{field}.matches")
    if request_headers is not None:
        yield from _changes_beyond(router, abilities, request_headers, f"{field}.request_headers")


def slots_of(match: HttpMatch) -> list[str]:
    """Which places the match's conditions take in a format that has one for each kind."""
    headers = [*match.headers, *match.headers_regex]
    queries = [*match.query, *match.query_regex]
    return ["cookie" if name == COOKIE else "header" for name in headers] + ["query" for _ in queries]


def _crowded(router: str, matches: tuple[HttpMatch, ...], field: str) -> Iterator[Problem]:
    taken: set[str] = set()
    for index, match in enumerate(matches):
        slots = slots_of(match)
        if len(slots) > 1:
            rule = f"one condition: {router} can't join two"
            yield problem(f"{field}[{index}]", f"{len(slots)} conditions", rule, "Leave one.")
        elif taken & set(slots):
            rule = f"one match by each of header, cookie and query: {router} has one place for each"
            yield problem(f"{field}[{index}]", slots[0], rule, "Leave one, or match them by a pattern.")
        taken |= set(slots)
        if COOKIE in match.headers_regex:
            yield problem(f"{field}[{index}].headers_regex", COOKIE, "a cookie's exact name", "Put it into headers.")


def _changes_beyond(router: str, abilities: Abilities, change: HeaderChange, field: str) -> Iterator[Problem]:
    for part in ("set", "add", "remove"):
        if getattr(change, part) and part not in abilities.header_changes:
            can = ", ".join(sorted(abilities.header_changes)) or "none"
            rule = f"a change of headers that {router} can make: {can}"
            yield problem(f"{field}.{part}", "given", rule, "Leave it out, or use another router.")
    most = abilities.header_changes_max
    if most is not None and len(change.set) > most:
        yield problem(f"{field}.set", len(change.set), f"at most {most} header for {router}", "Set fewer.")

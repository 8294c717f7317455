"""Traefik's IngressRoutes: the share as weights of a route's services, matches as a route of a higher priority. Pure.

A rule of Traefik's is an expression, so that anything that can be matched is joined to the user's own by `&&`. Its
patterns and prefixes are of any part of a text: ours are made to mean what they mean to a Gateway.

Unless it is told otherwise, Traefik drops a whole route, and answers 404, for one Service without an endpoint, whatever
its weight. So the canary Service is named only where it gets requests: not before its pods, nor after they are gone.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.rollout import HttpMatch
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.backends import Words
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.worded_rules import WordedRules

SERVICES = Words(kinds=("Service",), identity=("kind", "namespace", "name", "port"), named_for_nothing=False)


class TraefikIngressRoute(WordedRules):
    resource = Resource("traefik.io", "v1alpha1", "ingressroutes", "IngressRoute")
    abilities = BUILT_IN["traefik-ingress-route"]
    words: ClassVar[Words] = SERVICES
    rules_field: ClassVar[str] = "routes"
    backends_field: ClassVar[str] = "services"

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        wanted = " || ".join(" && ".join(_conditions(match)) for match in matches)
        return [rule | {"match": f"({rule['match']}) && ({wanted})", "priority": _priority(rule) + 1}]


def _priority(rule: Rule) -> int:
    """Traefik's own rule: the longer one wins, unless it says otherwise."""
    return int(rule.get("priority") or 0) or len(rule["match"].encode())


def _conditions(match: HttpMatch) -> Iterator[str]:
    yield from (f"Header({_text(name)}, {_text(value)})" for name, value in match.headers.items())
    yield from (f"HeaderRegexp({_text(name)}, {_whole(value)})" for name, value in match.headers_regex.items())
    yield from (f"Query({_text(name)}, {_text(value)})" for name, value in match.query.items())
    yield from (f"QueryRegexp({_text(name)}, {_whole(value)})" for name, value in match.query_regex.items())
    if match.path_exact is not None:
        yield f"Path({_text(match.path_exact)})"
    if match.path_prefix is not None:
        elements = match.path_prefix.rstrip("/")
        whole = f"Path({_text(elements)}) || " if elements else ""
        yield f"({whole}PathPrefix({_text(elements + '/')}))"
    if match.path_regex is not None:
        yield f"PathRegexp({_whole(match.path_regex)})"


def _whole(pattern: str) -> str:
    return _text(f"^(?:{pattern})$")


def _text(value: str) -> str:
    """As Go writes a text; what is printable is written as JSON writes it."""
    return f"`{value}`" if "`" not in value else msgspec.json.encode(value).decode()

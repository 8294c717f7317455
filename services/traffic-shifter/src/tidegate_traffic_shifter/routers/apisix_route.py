"""ApisixRoutes: the share as weights of a rule's backends, matches as expressions of a rule of higher priority. Pure.

A rule's expressions must all be true, so that each match is a rule of its own. Rules are known by their names.
"""

from collections.abc import Iterator
from re import escape
from typing import Any, ClassVar

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.rollout import HttpMatch
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import acceptance
from tidegate_traffic_shifter.backends import Words
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.worded_rules import WordedRules

Expression = dict[str, Any]


class ApisixRoute(WordedRules):
    resource = Resource("apisix.apache.org", "v2", "apisixroutes", "ApisixRoute")
    abilities = BUILT_IN["apisix-route"]
    words: ClassVar[Words] = Words(
        service="serviceName", identity=("serviceName", "servicePort", "subset"), usual_weight=100
    )
    rules_field: ClassVar[str] = "http"
    backends_field: ClassVar[str] = "backends"

    def objection(self, route: Route) -> str | None:
        return acceptance.objection_by("APISIX", route)

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        own = rule.get("match") or {}
        expressions = own.get("exprs") or []
        return [
            rule
            | {
                "name": f"{rule['name']}-tidegate-{number}",
                "priority": int(rule.get("priority") or 0) + 1,
                "match": own | {"exprs": [*expressions, *_expressions(match)]},
            }
            for number, match in enumerate(matches, start=1)
        ]


def _expressions(match: HttpMatch) -> Iterator[Expression]:
    for scope, exact, patterns in (
        ("Header", match.headers, match.headers_regex),
        ("Query", match.query, match.query_regex),
    ):
        for name, value in exact.items():
            yield _expression({"scope": scope, "name": name}, "Equal", value)
        for name, pattern in patterns.items():
            yield _expression({"scope": scope, "name": name}, "RegexMatch", _whole(pattern))
    if match.path_exact is not None:
        yield _expression({"scope": "Path"}, "Equal", match.path_exact)
    if match.path_prefix is not None:
        yield _expression({"scope": "Path"}, "RegexMatch", f"^{escape(match.path_prefix.rstrip('/'))}(?:/|$)")
    if match.path_regex is not None:
        yield _expression({"scope": "Path"}, "RegexMatch", _whole(match.path_regex))


def _expression(subject: dict[str, str], operator: str, value: str) -> Expression:
    return {"subject": subject, "op": operator, "value": value}


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"

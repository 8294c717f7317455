"""What a request has to say of a route that a script serves, and what of no other."""

from typing import Any

import pytest

from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.validate_traffic import traffic_problems

SCRIPTED = {"route": "web", "service": "web", "router": "script", "kind": "Gate", "api_version": "example.org/v1"}
CLASSED = {"route": "web", "service": "web", "router": "ingress-script", "class_type": "F5.big_ip"}
NGINX: dict[str, Any] = {"route": "web", "service": "web", "router": "ingress-nginx"}
FAULTS: list[tuple[list[dict[str, Any]], str]] = [
    ([SCRIPTED | {"kind": None}], "traffic[0].kind"),
    ([SCRIPTED | {"kind": "gate"}], "traffic[0].kind"),
    ([SCRIPTED | {"api_version": None}], "traffic[0].api_version"),
    ([SCRIPTED | {"api_version": "/v1"}], "traffic[0].api_version"),
    ([SCRIPTED | {"class_type": "x"}], "traffic[0].class_type"),
    ([SCRIPTED, SCRIPTED | {"api_version": "example.org/v2"}], "traffic[1].route"),
    ([SCRIPTED | {"kind": "HTTPRoute"}, {"route": "web", "service": "web"}], "traffic[0].route"),
    ([{"route": "web", "service": "web", "kind": "Gate"}], "traffic[0].kind"),
    ([{"route": "web", "service": "web", "router": "ingress-script"}], "traffic[0].class_type"),
    ([CLASSED | {"class_type": ""}], "traffic[0].class_type"),
    ([CLASSED | {"class_type": "a b"}], "traffic[0].class_type"),
    ([NGINX | {"canary_service": "web"}], "traffic[0].canary_service"),
    ([{"route": "web", "service": "web", "canary_service": "web"}], "traffic[0].canary_service"),
    ([SCRIPTED | {"canary_service": "web"}, CLASSED], "traffic[1].canary_service"),
]


def problems(routes: list[dict[str, Any]]) -> list[str]:
    return [each.field for each in traffic_problems(tuple(TrafficReference(**route) for route in routes))]


def test_routes_by_script_name_their_kind_or_class_and_may_do_with_one_service() -> None:
    alone = {"canary_service": "web"}
    assert problems([SCRIPTED, SCRIPTED | {"kind": "Rule"}, CLASSED]) == []
    assert problems([SCRIPTED | alone, CLASSED | alone, NGINX | {"router": "ingress-mse"} | alone]) == []


@pytest.mark.parametrize(("routes", "field"), FAULTS)
def test_a_broken_rule_of_routes_is_named(routes: list[dict[str, Any]], field: str) -> None:
    assert field in problems(routes)

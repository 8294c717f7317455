"""What a request has to say where both versions are subsets of one Service: who names them, and who declares them."""

from typing import Any

import pytest

from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.validate_traffic import traffic_problems

NAMING: dict[str, Any] = {
    "route": "web",
    "service": "web",
    "canary_service": "web",
    "router": "istio-virtual-service",
}
DECLARING = NAMING | {"router": "istio-destination-rule"}


def problems(*routes: dict[str, Any]) -> list[str]:
    return [each.field for each in traffic_problems(tuple(TrafficReference(**route) for route in routes))]


def test_a_virtual_service_and_a_destination_rule_of_one_service_go_together() -> None:
    assert problems(NAMING, DECLARING) == []
    assert problems(DECLARING, NAMING, NAMING | {"route": "other"}) == []
    assert problems(NAMING | {"canary_service": None}) == [], "two Services need nobody who declares them"


@pytest.mark.parametrize(
    ("routes", "field"),
    [
        ([NAMING], "traffic[0].canary_service"),
        ([NAMING, DECLARING | {"service": "api", "canary_service": "api"}], "traffic[0].canary_service"),
        ([DECLARING], "traffic[0].router"),
        ([DECLARING | {"canary_service": None}], "traffic[0].canary_service"),
        ([NAMING, DECLARING | {"canary_service": None}], "traffic[1].canary_service"),
        ([NAMING, DECLARING, {"route": "web", "service": "web"}], "traffic[2].canary_service"),
    ],
)
def test_what_is_missing_is_named(routes: list[dict[str, Any]], field: str) -> None:
    assert problems(*routes)[0] == field

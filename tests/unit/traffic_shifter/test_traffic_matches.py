"""What both the user's rule and the order match."""

from typing import Any

import pytest

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter.matches import narrowed


def path(kind: str, value: str) -> dict[str, Any]:
    return {"path": {"type": kind, "value": value}}


def header(name: str, value: str, kind: str = "Exact") -> dict[str, str]:
    return {"name": name, "type": kind, "value": value}


@pytest.mark.parametrize(
    ("own", "prefix", "wanted"),
    [
        (("PathPrefix", "/"), "/api", ("PathPrefix", "/api")),
        (("PathPrefix", "/shop"), "/shop/beta", ("PathPrefix", "/shop/beta")),
        (("PathPrefix", "/shop/beta"), "/shop", ("PathPrefix", "/shop/beta")),
        (("PathPrefix", "/shop"), "/shop/", ("PathPrefix", "/shop/")),
        (("Exact", "/api/v1"), "/api", ("Exact", "/api/v1")),
        (("PathPrefix", "/shop"), "/shopping", None),
        (("PathPrefix", "/shop"), "/api", None),
        (("Exact", "/api"), "/api/v1", None),
        (("Exact", "/apis"), "/api", None),
        (("RegularExpression", "/a.*"), "/api", None),
    ],
    ids=str,
)
def test_the_narrower_path_is_taken_by_whole_elements(
    own: tuple[str, str], prefix: str, wanted: tuple[str, str] | None
) -> None:
    found = narrowed([path(*own)], (HttpMatch(path_prefix=prefix),))
    assert found == ([path(*wanted)] if wanted else [])


def test_headers_are_added_to_the_rules_own_and_names_compare_without_case() -> None:
    own = path("PathPrefix", "/") | {"headers": [header("X-Region", "eu")], "method": "GET"}
    (found,) = narrowed([own], (HttpMatch(headers={"x-region": "eu", "x-beta": "yes"}, query={"q": "1"}),))
    assert found == own | {
        "headers": [header("X-Region", "eu"), header("x-beta", "yes")],
        "queryParams": [header("q", "1")],
    }


@pytest.mark.parametrize(
    "own", [header("x-beta", "no"), header("x-beta", ".*", "RegularExpression")], ids=["contradiction", "pattern"]
)
def test_a_header_that_would_need_two_conditions_leaves_no_room(own: dict[str, str]) -> None:
    match = path("PathPrefix", "/") | {"headers": [own]}
    assert narrowed([match], (HttpMatch(headers={"x-beta": "yes"}),)) == []


def test_query_parameters_compare_with_case() -> None:
    own = path("PathPrefix", "/") | {"queryParams": [header("Q", "1")]}
    (found,) = narrowed([own], (HttpMatch(query={"q": "2"}),))
    assert found["queryParams"] == [header("Q", "1"), header("q", "2")]


def test_every_own_match_is_combined_with_every_wanted_one() -> None:
    own = [path("PathPrefix", "/a"), path("PathPrefix", "/b")]
    wanted = (HttpMatch(headers={"x": "1"}), HttpMatch(headers={"x": "2"}))
    assert len(narrowed(own, wanted)) == 4


def test_a_rule_without_matches_means_every_path() -> None:
    assert narrowed(None, (HttpMatch(path_prefix="/api"),)) == [path("PathPrefix", "/api")]

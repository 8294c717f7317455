"""What both the user's rule and the order match."""

from typing import Any

import pytest

from tidegate_contracts.rollout import GrpcMethod, HttpMatch
from tidegate_traffic_shifter import matches


def narrowed(own: list[dict[str, Any]] | None, wanted: tuple[HttpMatch, ...]) -> list[dict[str, Any]]:
    return matches.narrowed(own, wanted, matches.http)


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


@pytest.mark.parametrize(
    ("own", "match", "wanted"),
    [
        (("PathPrefix", "/"), HttpMatch(path_exact="/buy"), ("Exact", "/buy")),
        (("PathPrefix", "/shop"), HttpMatch(path_exact="/shop/buy"), ("Exact", "/shop/buy")),
        (("PathPrefix", "/shop"), HttpMatch(path_exact="/shopping"), None),
        (("Exact", "/buy"), HttpMatch(path_exact="/buy"), ("Exact", "/buy")),
        (("Exact", "/buy"), HttpMatch(path_exact="/buy/"), None),
        (("PathPrefix", "/"), HttpMatch(path_regex="/v[0-9]"), ("RegularExpression", "/v[0-9]")),
        (("RegularExpression", "/v[0-9]"), HttpMatch(path_regex="/v[0-9]"), ("RegularExpression", "/v[0-9]")),
        (("PathPrefix", "/shop"), HttpMatch(path_regex="/v[0-9]"), None),
        (("RegularExpression", "/v.*"), HttpMatch(path_exact="/v1"), None),
    ],
    ids=str,
)
def test_exact_paths_and_patterns_meet_the_rules_own(
    own: tuple[str, str], match: HttpMatch, wanted: tuple[str, str] | None
) -> None:
    assert narrowed([path(*own)], (match,)) == ([path(*wanted)] if wanted else [])


def test_patterns_of_headers_and_queries_are_added_and_a_rules_own_condition_of_the_name_leaves_no_room() -> None:
    wanted = HttpMatch(headers_regex={"x-user": "a.*"}, query_regex={"q": "1|2"})
    (found,) = narrowed(None, (wanted,))
    assert found["headers"] == [header("x-user", "a.*", "RegularExpression")]
    assert found["queryParams"] == [header("q", "1|2", "RegularExpression")]
    assert narrowed([{"headers": [header("X-User", "ann")]}], (wanted,)) == []
    assert narrowed([found], (wanted,)) == [found]


def test_several_matches_are_alternatives_each_of_a_rules_own_with_each() -> None:
    own = [path("PathPrefix", "/a"), path("PathPrefix", "/b")]
    found = narrowed(own, (HttpMatch(path_exact="/a/x", headers={"h": "1"}), HttpMatch(query={"q": "1"})))
    assert found == [
        path("Exact", "/a/x") | {"headers": [header("h", "1")]},
        path("PathPrefix", "/a") | {"queryParams": [header("q", "1")]},
        path("PathPrefix", "/b") | {"queryParams": [header("q", "1")]},
    ]


@pytest.mark.parametrize(
    ("own", "method", "wanted"),
    [
        ({}, GrpcMethod(service="shop.Orders"), {"type": "Exact", "service": "shop.Orders"}),
        ({"service": "shop.Orders"}, GrpcMethod(method="Get"), {"service": "shop.Orders", "method": "Get"}),
        ({"service": "shop.Orders"}, GrpcMethod(service="shop.Carts", method="Get"), None),
        ({"type": "RegularExpression", "service": "shop.*"}, GrpcMethod(service="shop.Orders"), None),
    ],
    ids=str,
)
def test_calls_meet_a_grpc_rules_own(own: dict[str, str], method: GrpcMethod, wanted: dict[str, str] | None) -> None:
    found = matches.narrowed([{"method": own}], (HttpMatch(grpc=method, headers={"h": "1"}),), matches.grpc)
    assert found == ([{"method": wanted, "headers": [header("h", "1")]}] if wanted else [])

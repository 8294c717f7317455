"""What is written into an Istio VirtualService, and how the user's own part comes back."""

from typing import Any

import pytest
from unit.traffic_shifter.test_http_proxies import share

from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_traffic_shifter.routers.istio_virtual_service import IstioVirtualService
from tidegate_traffic_shifter.share import Share

FORM = IstioVirtualService()
WEB = {"destination": {"host": "web"}}
NEW = {"destination": {"host": "web-canary"}}
ELSEWHERE = {"match": [{"uri": {"prefix": "/admin"}}], "route": [{"destination": {"host": "admin"}}]}


def test_only_routes_that_send_to_the_service_are_changed_and_keep_their_place() -> None:
    web = {"name": "web", "match": [{"uri": {"prefix": "/"}}], "route": [WEB]}
    found = FORM.render({"http": [ELSEWHERE, web]}, "shop", share(20, HttpMatch(headers={"X-User": "ann"})))
    assert found["http"] == [
        ELSEWHERE,
        {
            "match": [{"uri": {"prefix": "/"}, "headers": {"x-user": {"exact": "ann"}}}],
            "route": [NEW | {"weight": 100}],
        },
        web | {"route": [WEB | {"weight": 80}, NEW | {"weight": 20}]},
    ]


@pytest.mark.parametrize("field", ["tcp", "tls"])
def test_connections_are_shared_and_nothing_else(field: str) -> None:
    rule = {"match": [{"port": 443}], "route": [WEB]}
    change = HeaderChange(set={"x-version": "new"})
    by_user = HttpMatch(headers={"x-user": "ann"})
    assert FORM.render({field: [rule]}, "shop", share(30, by_user, change=change)) == {
        field: [rule | {"route": [WEB | {"weight": 70}, NEW | {"weight": 30}]}]
    }
    assert not FORM.has_room({field: [rule]}, "shop", share(0, by_user))


@pytest.mark.parametrize(
    ("destination", "canary"),
    [
        ({"host": "web", "port": {"number": 80}}, {"host": "web-canary", "port": {"number": 80}}),
        ({"host": "web.shop"}, {"host": "web-canary.shop"}),
        ({"host": "web.shop.svc.cluster.local"}, {"host": "web-canary.shop.svc.cluster.local"}),
        ({"host": "web.other.svc.cluster.local"}, None),
        ({"host": "web.example.com"}, None),
        ({"host": "web", "subset": "v1"}, None),
    ],
)
def test_a_host_is_the_service_however_it_is_written(destination: Any, canary: Any) -> None:
    original = {"http": [{"route": [{"destination": destination}]}]}
    assert FORM.holds(original, "shop", "web") == (canary is not None)
    if canary is not None:
        assert FORM.render(original, "shop", share(10))["http"][0]["route"][1]["destination"] == canary


@pytest.mark.parametrize(
    ("own", "match", "expected"),
    [
        (None, HttpMatch(path_prefix="/beta"), [{"uri": {"exact": "/beta"}}, {"uri": {"prefix": "/beta/"}}]),
        (None, HttpMatch(query_regex={"v": "2.*"}), [{"queryParams": {"v": {"regex": "2.*"}}}]),
        ([{"uri": {"regex": "/v.*"}}], HttpMatch(path_prefix="/v1"), []),
        (
            [
                {"name": "a", "headers": {"x-user": {}}, "method": {"exact": "GET"}},
                {"headers": {"x-user": {"exact": "b"}}},
            ],
            HttpMatch(headers={"x-user": "ann"}),
            [{"method": {"exact": "GET"}, "headers": {"x-user": {"exact": "ann"}}}],
        ),
    ],
)
def test_matches_are_narrowed_by_the_routes_own(own: Any, match: HttpMatch, expected: Any) -> None:
    rule = {"route": [WEB]} | ({"match": own} if own else {})
    *fronts, _ = FORM.render({"http": [rule]}, "shop", share(0, match))["http"]
    assert [each for front in fronts for each in front["match"]] == expected


def test_a_path_that_is_rewritten_is_not_narrowed() -> None:
    rule = {"rewrite": {"uri": "/"}, "route": [WEB]}
    assert not FORM.has_room({"http": [rule]}, "shop", share(0, HttpMatch(path_prefix="/beta")))
    assert FORM.has_room({"http": [rule]}, "shop", share(0, HttpMatch(headers={"a": "b"})))


def test_a_change_of_headers_is_the_new_versions_alone_and_joined_with_the_users_own() -> None:
    own = {"request": {"set": {"x-a": "1"}, "remove": ["x-old"]}, "response": {"remove": ["server"]}}
    change = HeaderChange(set={"X-A": "2"}, add={"x-b": "3"}, remove=("x-c",))
    original = {"http": [{"route": [WEB | {"headers": own}]}]}
    stable, canary = FORM.render(original, "shop", share(10, change=change))["http"][0]["route"]
    assert stable["headers"] == own
    assert canary["headers"] == own | {
        "request": {"set": {"X-A": "2"}, "add": {"x-b": "3"}, "remove": ["x-old", "x-c"]}
    }


def test_an_edit_meanwhile_is_the_new_original() -> None:
    original = {"http": [ELSEWHERE, {"route": [WEB]}]}
    wanted = share(20, HttpMatch(headers={"a": "b"}))
    elsewhere, front, shared = FORM.render(original, "shop", wanted)["http"]
    edited = {"http": [front, shared | {"timeout": "2s"}, elsewhere]}
    recovered = FORM.recover(edited, original, "shop", wanted)
    assert recovered == {"http": [{"route": [WEB], "timeout": "2s"}, ELSEWHERE]}


def test_a_rule_that_nobody_edited_comes_back_as_it_was_beside_one_that_somebody_did() -> None:
    single = {"route": [WEB], "mirror": {"host": "shadow"}, "mirrorPercentage": {"value": 5}}
    original = {"http": [single, {"match": [{"uri": {"prefix": "/"}}], "route": [WEB]}]}
    wanted = Share(service="web", canary_service="web-canary", weight_percent=20, mirror_percent=10)
    first, second = FORM.render(original, "shop", wanted)["http"]
    assert [each["destination"]["host"] for each in first["mirrors"]] == ["shadow", "web-canary"]
    recovered = FORM.recover({"http": [first, second | {"timeout": "2s"}]}, original, "shop", wanted)["http"]
    assert recovered == [single, original["http"][1] | {"timeout": "2s"}]

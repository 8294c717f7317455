"""What is written into a Contour HTTPProxy, and how the user's own part comes back."""

from typing import Any

import msgspec
import pytest

from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_traffic_shifter.routers.contour_http_proxy import ContourHttpProxy
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

FORM = ContourHttpProxy()
WEB = {"name": "web", "port": 80}
NEW = {"name": "web-canary", "port": 80}
BY_USER = HttpMatch(headers={"x-user": "ann"})


def share(weight_percent: int = 0, *matches: HttpMatch, change: HeaderChange | None = None) -> Share:
    return Share(
        service="web",
        canary_service="web-canary",
        weight_percent=weight_percent,
        matches=matches,
        request_headers=change,
    )


def rendered(rule: dict[str, Any], wanted: Share) -> list[dict[str, Any]]:
    return FORM.render({"routes": [rule]}, "shop", wanted)["routes"]


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([WEB], [WEB | {"weight": 70}, NEW | {"weight": 30}]),
        ([WEB | {"weight": 3}], [WEB | {"weight": 70}, NEW | {"weight": 30}]),
        (
            [WEB | {"weight": 80}, {"name": "other", "port": 80, "weight": 20}],
            [WEB | {"weight": 5600}, NEW | {"weight": 2400}, {"name": "other", "port": 80, "weight": 2000}],
        ),
        (
            [WEB, {"name": "other", "port": 80}],
            [WEB | {"weight": 70}, NEW | {"weight": 30}, {"name": "other", "port": 80, "weight": 100}],
        ),
        (
            [WEB, {"name": "shadow", "port": 80, "mirror": True, "weight": 7}],
            [WEB | {"weight": 70}, NEW | {"weight": 30}, {"name": "shadow", "port": 80, "mirror": True, "weight": 7}],
        ),
    ],
    ids=["alone", "alone with a weight", "80 to 20", "evenly", "beside a mirror"],
)
def test_a_share_keeps_the_users_own_proportions(services: list[Any], expected: list[Any]) -> None:
    assert rendered({"services": services}, share(30)) == [{"services": expected}]


@pytest.mark.parametrize(
    ("own", "match", "expected"),
    [
        (None, HttpMatch(path_prefix="/beta"), [[{"exact": "/beta"}], [{"prefix": "/beta/"}]]),
        (None, HttpMatch(path_prefix="/"), [[{"prefix": "/"}]]),
        ([{"prefix": "/api"}], HttpMatch(path_exact="/api/v2"), [[{"exact": "/api/v2"}]]),
        ([{"prefix": "/api"}], HttpMatch(path_prefix="/"), [[{"prefix": "/api"}]]),
        ([{"prefix": "/api"}], HttpMatch(path_prefix="/shop"), []),
        ([{"prefix": "/api"}], HttpMatch(path_regex="/a.*"), []),
        ([{"exact": "/api"}], HttpMatch(path_prefix="/api"), [[{"exact": "/api"}]]),
        (
            [{"prefix": "/api"}, {"header": {"name": "X-User", "present": True}}],
            HttpMatch(headers={"x-user": "ann"}, query_regex={"v": "2.*"}),
            [
                [
                    {"header": {"name": "X-User", "present": True}},
                    {"header": {"name": "x-user", "exact": "ann"}},
                    {"queryParameter": {"name": "v", "regex": "2.*"}},
                    {"prefix": "/api"},
                ]
            ],
        ),
        ([{"header": {"name": "x-user", "exact": "bob"}}], HttpMatch(headers={"x-user": "ann"}), []),
        ([{"header": {"name": "x-user", "notexact": "ann"}}], HttpMatch(headers={"x-user": "ann"}), []),
    ],
)
def test_matches_are_narrowed_by_the_routes_own_conditions(own: Any, match: HttpMatch, expected: Any) -> None:
    rule = {"services": [WEB]} | ({"conditions": own} if own else {})
    *fronts, last = rendered(rule, share(0, match))
    assert [each["conditions"] for each in fronts] == expected
    assert all(each["services"] == [NEW | {"weight": 100}] for each in fronts)
    assert last["services"] == [WEB | {"weight": 100}, NEW | {"weight": 0}]
    assert FORM.has_room({"routes": [rule]}, "shop", share(0, match)) == bool(expected)


def test_a_path_that_is_rewritten_is_not_narrowed() -> None:
    rule = {"services": [WEB], "pathRewritePolicy": {"replacePrefix": [{"replacement": "/"}]}}
    assert len(rendered(rule, share(0, HttpMatch(path_prefix="/beta"), HttpMatch(headers={"a": "b"})))) == 2


def test_a_change_of_headers_is_the_new_versions_alone_and_joined_with_the_users_own() -> None:
    service = WEB | {"requestHeadersPolicy": {"set": [{"name": "x-a", "value": "1"}], "remove": ["x-old"]}}
    change = HeaderChange(set={"X-A": "2"}, remove=("x-b",))
    stable, canary = rendered({"services": [service]}, share(10, change=change))[0]["services"]
    assert stable == service | {"weight": 90}
    assert canary["requestHeadersPolicy"] == {"set": [{"name": "X-A", "value": "2"}], "remove": ["x-old", "x-b"]}


def test_an_edit_meanwhile_is_the_new_original() -> None:
    own = {"routes": [{"services": [WEB | {"weight": 9}]}, {"services": [{"name": "other", "port": 1}]}]}
    found = FORM.render(own, "shop", share(20, HttpMatch(path_prefix="/beta")))
    *fronts, first, second = found["routes"]
    added = {"conditions": [{"prefix": "/new"}], "services": [WEB]}
    edited = {"routes": [*fronts, first | {"enableWebsockets": True}, second, added]}
    recovered = FORM.recover(edited, own, "shop", share(20, HttpMatch(path_prefix="/beta")))
    assert recovered["routes"] == [own["routes"][0] | {"enableWebsockets": True}, own["routes"][1], added]
    moved = {"routes": [first | {"services": [WEB | {"weight": 50}, NEW | {"weight": 50}]}]}
    found = FORM.recover(moved, own, "shop", share(20))
    assert found["routes"] == [{"services": [WEB | {"weight": 9}]}], "alone it gets all, whatever its number"


COPIES = {"name": "shadow", "port": 80, "mirror": True, "weight": 7}


def test_who_only_gets_copies_goes_on_getting_those_of_the_shared_route_alone() -> None:
    own = {"services": [COPIES, WEB]}
    wanted = Share(service="web", canary_service="web-canary", weight_percent=30, mirror_percent=10, matches=(BY_USER,))
    front, shared = rendered(own, wanted)
    assert front["services"] == [NEW | {"weight": 100}]
    ours = NEW | {"mirror": True, "weight": 10}
    assert shared["services"] == [WEB | {"weight": 70}, NEW | {"weight": 30}, COPIES, ours]
    assert FORM.recover({"routes": [front, shared]}, {"routes": [own]}, "shop", wanted) == {"routes": [own]}
    edited = {"routes": [shared | {"enableWebsockets": True}]}
    (found,) = FORM.recover(edited, {"routes": [own]}, "shop", wanted)["routes"]
    assert found == {"services": [WEB, COPIES], "enableWebsockets": True}


def test_both_of_two_backends_that_are_the_service_get_the_matched_requests() -> None:
    front, _ = rendered({"services": [WEB, WEB | {"port": 81}]}, share(20, BY_USER))
    assert front["services"] == [NEW | {"weight": 100}, NEW | {"port": 81, "weight": 100}]


def test_a_tcp_proxy_has_shares_and_nothing_else() -> None:
    wanted = share(30, BY_USER, change=HeaderChange(set={"x-version": "new"}))
    original = {"tcpproxy": [{"services": [WEB]}]}
    assert FORM.render(original, "shop", wanted) == {
        "tcpproxy": [{"services": [WEB | {"weight": 70}, NEW | {"weight": 30}]}]
    }
    assert not FORM.has_room(original, "shop", wanted)
    assert FORM.patch(original) == {"spec": {"tcpproxy": {"services": [WEB]}}}


def proxy(**status: Any) -> Route:
    valid = {"type": "Valid", "status": "True", "observedGeneration": 4} | status
    body = {"metadata": {"name": "web", "generation": 4}, "status": {"conditions": [valid]}}
    return msgspec.json.decode(msgspec.json.encode(body), type=Route)


def test_contour_has_taken_it_when_it_is_valid_for_this_generation() -> None:
    assert FORM.objection(proxy()) is None
    assert "generation 4" in (FORM.objection(proxy(observedGeneration=3)) or "")
    error = {"type": "ServiceError", "status": "True", "reason": "ServiceUnresolvedReference", "message": "no web"}
    assert "no web" in (FORM.objection(proxy(status="False", errors=[error])) or "")

"""The rules that a share makes of the user's own, and the way back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_traffic_shifter.backends import WEIGHT_MAX
from tidegate_traffic_shifter.routers.gateway_http_route import GatewayHttpRoute
from tidegate_traffic_shifter.share import Share

NAMESPACE = "shop"
FORM = GatewayHttpRoute()
render, recover, holds = FORM.render, FORM.recover, FORM.holds
CANARY = "web-canary"


def backend(name: str = "web", **more: Any) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": name, "port": 80, "weight": 1} | more


def rule(*backends: dict[str, Any], path: str = "/", **more: Any) -> dict[str, Any]:
    matches = [{"path": {"type": "PathPrefix", "value": path}}]
    return {"matches": matches, "backendRefs": list(backends)} | more


def share(weight_percent: int = 0, *matches: HttpMatch) -> Share:
    return Share(service="web", canary_service=CANARY, weight_percent=weight_percent, matches=matches)


def weights(found: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["weight"] for each in found["backendRefs"]}


@pytest.mark.parametrize("weight_percent", [0, 1, 20, 50, 99, 100])
def test_one_backend_becomes_the_share_out_of_a_hundred_whatever_its_own_weight_was(weight_percent: int) -> None:
    for own in (1, 7, 100):
        (found,) = render([rule(backend(weight=own))], NAMESPACE, share(weight_percent))
        assert weights(found) == {"web": 100 - weight_percent, CANARY: weight_percent}


def test_a_backend_that_gets_nothing_goes_on_getting_nothing() -> None:
    (found,) = render([rule(backend(weight=0))], NAMESPACE, share(50))
    assert weights(found) == {"web": 0, CANARY: 0}


def test_several_backends_keep_their_proportions_and_only_the_stable_ones_part_is_split() -> None:
    (found,) = render([rule(backend(weight=80), backend("other", weight=20))], NAMESPACE, share(30))
    assert weights(found) == {"web": 5600, CANARY: 2400, "other": 2000}


def test_the_canary_reference_is_like_the_stable_one_filters_and_port_included() -> None:
    filters = [{"type": "RequestHeaderModifier"}]
    (found,) = render([rule(backend(port=8443, filters=filters))], NAMESPACE, share(10))
    assert found["backendRefs"][1] == backend(CANARY, port=8443, filters=filters, weight=10)


@pytest.mark.parametrize(
    "other",
    [
        rule(backend("other")),
        rule(backend(namespace="elsewhere")),
        rule(backend(kind="ServiceImport")),
        rule(backend(group="multicluster.x-k8s.io")),
        {"filters": [{"type": "RequestRedirect"}]},
    ],
    ids=["another name", "another namespace", "another kind", "another group", "a redirect"],
)
def test_rules_without_the_stable_service_are_left_as_they_are(other: dict[str, Any]) -> None:
    found = render([other, rule(backend())], NAMESPACE, share(20))
    assert found[0] == other
    assert not holds([other], NAMESPACE, "web")


def test_matches_come_as_a_rule_in_front_to_the_canary_only_with_the_rules_own_filters() -> None:
    own = rule(backend(weight=5), backend("other"), path="/shop", filters=[{"type": "URLRewrite"}], name="shop")
    in_front, shared = render([own], NAMESPACE, share(0, HttpMatch(headers={"x-beta": "yes"})))
    assert weights(in_front) == {CANARY: 1}
    assert in_front["filters"] == own["filters"]
    assert "name" not in in_front, "a rule's name is unique"
    assert in_front["matches"] == [
        {
            "path": {"type": "PathPrefix", "value": "/shop"},
            "headers": [{"name": "x-beta", "type": "Exact", "value": "yes"}],
        }
    ]
    assert weights(shared)["web"] == 500


def test_matches_that_no_rule_leaves_room_for_make_no_rule() -> None:
    found = render([rule(backend(), path="/shop")], NAMESPACE, share(0, HttpMatch(path_prefix="/api")))
    assert len(found) == 1


def moving(name: str = "URLRewrite", field: str = "urlRewrite") -> list[dict[str, Any]]:
    return [{"type": name, field: {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}]


MOVED = [
    rule(backend(), path="/api", filters=moving()),
    rule(backend(), path="/api", filters=moving("RequestRedirect", "requestRedirect")),
    rule(backend(filters=moving()), path="/api"),
]


@pytest.mark.parametrize("own", MOVED, ids=["a rewrite", "a redirect", "a backend's own rewrite"])
def test_where_a_prefix_is_replaced_no_path_is_narrowed_and_each_match_has_a_rule_of_its_own(
    own: dict[str, Any],
) -> None:
    ann, bob = HttpMatch(headers={"x-user": "ann"}), HttpMatch(headers={"x-user": "bob"})
    paths = (HttpMatch(path_prefix="/api/beta"), HttpMatch(path_exact="/api/b"), HttpMatch(path_prefix="/"))
    wanted = share(20, ann, *paths, bob)
    *fronts, shared = render([own], NAMESPACE, wanted)
    (match,) = own["matches"]
    assert [each["matches"] for each in fronts] == [
        [match | {"headers": [{"name": "x-user", "type": "Exact", "value": user}]}] for user in ("ann", "bob")
    ]
    filters = own["backendRefs"][0].get("filters")
    assert all(each.get("filters") == own.get("filters") for each in (*fronts, shared))
    assert [each["backendRefs"][0].get("filters") for each in fronts] == [filters] * 2
    assert [weights(each) for each in (*fronts, shared)] == [{CANARY: 1}, {CANARY: 1}, {"web": 80, CANARY: 20}]
    assert not FORM.has_room([own], NAMESPACE, share(0, *paths))
    added = rule(backend("other"), path="/added")
    assert recover([*fronts, shared, added], [own], NAMESPACE, wanted) == [own, added]


def test_a_path_that_is_replaced_as_a_whole_may_be_narrowed() -> None:
    whole = [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/"}}}]
    own = rule(backend(), path="/api", filters=whole)
    front, _ = render([own], NAMESPACE, share(0, HttpMatch(path_exact="/api/b"), HttpMatch(headers={"x-a": "1"})))
    assert [each["path"]["value"] for each in front["matches"]] == ["/api/b", "/api"]


BACKENDS = st.lists(
    st.builds(
        backend,
        st.sampled_from(["web", "other", "third"]),
        port=st.sampled_from([80, 81]),
        weight=st.integers(0, WEIGHT_MAX),
    ),
    max_size=4,
    unique_by=lambda each: (each["name"], each["port"]),
)
RULES = st.lists(
    st.builds(lambda backends, path: rule(*backends, path=path), BACKENDS, st.sampled_from(["/", "/a", "/b"])),
    min_size=1,
    max_size=4,
)
SHARES = st.builds(
    lambda weight, headers: share(weight, *([HttpMatch(headers=headers)] if headers else [])),
    st.integers(0, 100),
    st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.just("1"), max_size=2),
)


@given(original=RULES, wanted=SHARES)
def test_the_users_own_rules_are_found_again_under_any_share(original: list[dict[str, Any]], wanted: Share) -> None:
    rendered = render(original, NAMESPACE, wanted)
    found = recover(rendered, original, NAMESPACE, wanted)
    assert render(found, NAMESPACE, wanted) == rendered
    assert [each["matches"] for each in found] == [each["matches"] for each in original]


@given(original=RULES, wanted=SHARES)
def test_every_weight_is_legal_and_the_share_is_exact(original: list[dict[str, Any]], wanted: Share) -> None:
    rendered = render(original, NAMESPACE, wanted)
    for own, found in zip(reversed(original), reversed(rendered), strict=False):
        assert all(0 <= each["weight"] <= WEIGHT_MAX for each in found["backendRefs"])
        if holds([own], NAMESPACE, "web"):
            stable = sum(each["weight"] for each in found["backendRefs"] if each["name"] == "web")
            canary = sum(each["weight"] for each in found["backendRefs"] if each["name"] == CANARY)
            assert canary * 100 == (stable + canary) * wanted.weight_percent


ORIGINAL = [rule(backend(weight=7)), rule(backend(weight=80), backend("other", weight=20), path="/api")]


def edited(wanted: Share) -> list[dict[str, Any]]:
    return render(ORIGINAL, NAMESPACE, wanted)


def test_an_unedited_route_gives_back_the_very_numbers_of_the_user() -> None:
    assert recover(edited(share(30)), ORIGINAL, NAMESPACE, share(30)) == ORIGINAL


def test_rules_that_are_rendered_alike_come_back_in_order() -> None:
    own = [rule(backend(weight=7)), rule(backend(weight=3))]
    added = rule(backend("other"), path="/added")
    assert recover([*render(own, NAMESPACE, share(30)), added], own, NAMESPACE, share(30)) == [*own, added]


def test_a_filter_that_somebody_added_stays_and_the_users_numbers_come_back() -> None:
    rules = edited(share(30))
    rules[0] = rules[0] | {"filters": [{"type": "RequestMirror"}]}
    found = recover(rules, ORIGINAL, NAMESPACE, share(30))
    assert found == [ORIGINAL[0] | {"filters": [{"type": "RequestMirror"}]}, ORIGINAL[1]]


def test_a_path_that_somebody_changed_stays_and_the_users_numbers_come_back() -> None:
    rules = edited(share(30))
    path = [{"path": {"type": "PathPrefix", "value": "/v2"}}]
    rules[1] = rules[1] | {"matches": path}
    assert recover(rules, ORIGINAL, NAMESPACE, share(30)) == [ORIGINAL[0], ORIGINAL[1] | {"matches": path}]


def test_of_two_rules_that_were_edited_each_has_its_own_numbers_back() -> None:
    own = [rule(backend(weight=7), path="/a"), rule(backend(weight=3), path="/b")]
    rules = [each | {"timeouts": {"request": "1s"}} for each in render(own, NAMESPACE, share(30))]
    found = recover(rules, own, NAMESPACE, share(30))
    assert [weights(each) for each in found] == [{"web": 7}, {"web": 3}]


def test_proportions_that_somebody_changed_are_the_new_original() -> None:
    rules = edited(share(30))
    rules[1]["backendRefs"][2] = rules[1]["backendRefs"][2] | {"weight": 8000}
    (_, found) = recover(rules, ORIGINAL, NAMESPACE, share(30))
    assert weights(found) == {"web": 8000, "other": 8000}


def test_rules_that_somebody_replaced_wholly_are_the_new_original() -> None:
    replaced = [rule(backend(weight=3), path="/new")]
    assert recover(replaced, ORIGINAL, NAMESPACE, share(30)) == replaced


def test_a_rule_that_somebody_added_stays_and_ours_in_front_goes() -> None:
    wanted = share(10, HttpMatch(headers={"x-beta": "yes"}))
    added = rule(backend("other"), path="/added")
    assert recover([*edited(wanted), added], ORIGINAL, NAMESPACE, wanted) == [*ORIGINAL, added]


def test_a_change_of_headers_is_the_canarys_alone() -> None:
    change = HeaderChange(set={"X-Version": "new"}, add={"x-also": "1"}, remove=("x-old",))
    ours = {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {
            "set": [{"name": "X-Version", "value": "new"}],
            "add": [{"name": "x-also", "value": "1"}],
            "remove": ["x-old"],
        },
    }
    wanted = Share(
        service="web",
        canary_service=CANARY,
        weight_percent=20,
        matches=(HttpMatch(headers={"x-beta": "yes"}),),
        request_headers=change,
    )
    in_front, shared = render([rule(backend())], NAMESPACE, wanted)
    assert in_front["filters"] == [ours]
    assert "filters" not in shared
    assert [each.get("filters") for each in shared["backendRefs"]] == [None, [ours]]
    assert recover([in_front, shared], [rule(backend())], NAMESPACE, wanted) == [rule(backend())]


def test_a_change_of_headers_is_joined_with_the_users_own_modifier_and_wins() -> None:
    own = {"set": [{"name": "x-version", "value": "old"}, {"name": "x-mine", "value": "1"}], "remove": ["X-Also"]}
    filters = [{"type": "URLRewrite"}, {"type": "RequestHeaderModifier", "requestHeaderModifier": own}]
    change = HeaderChange(set={"X-Version": "new"}, add={"x-also": "1"})
    wanted = Share(service="web", canary_service=CANARY, weight_percent=20, request_headers=change)
    (shared,) = render([rule(backend(filters=filters))], NAMESPACE, wanted)
    rewrite, modifier = shared["backendRefs"][1]["filters"]
    assert rewrite == filters[0]
    assert modifier["requestHeaderModifier"] == {
        "set": [{"name": "x-mine", "value": "1"}, {"name": "X-Version", "value": "new"}],
        "add": [{"name": "x-also", "value": "1"}],
    }
    assert shared["backendRefs"][0]["filters"] == filters

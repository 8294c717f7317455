"""The rules in which requests are marked by their headers on the way to one Service, and the way back."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_traffic_shifter.routers.gateway_http_route import GatewayHttpRoute
from tidegate_traffic_shifter.share import Share

NAMESPACE = "shop"
FORM = GatewayHttpRoute()
render, recover = FORM.render, FORM.recover
MARK = HeaderChange(set={"x-release": "next"}, remove=("x-debug",))
FILTER = {
    "type": "RequestHeaderModifier",
    "requestHeaderModifier": {"set": [{"name": "x-release", "value": "next"}], "remove": ["x-debug"]},
}
TESTERS = HttpMatch(headers={"user": "tester"})
REDIRECT = {"matches": [{"path": {"value": "/old"}}], "filters": [{"type": "RequestRedirect"}]}


def backend(name: str = "web", **more: Any) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": name, "port": 80, "weight": 1} | more


def rule(*backends: dict[str, Any], path: str = "/", **more: Any) -> dict[str, Any]:
    matches = [{"path": {"type": "PathPrefix", "value": path}}]
    return {"matches": matches, "backendRefs": list(backends)} | more


def marks(weight_percent: int = 0, *wanted: HttpMatch, headers: HeaderChange = MARK) -> Share:
    return Share(service="web", canary_service="web", weight_percent=weight_percent, matches=wanted, headers=headers)


@pytest.mark.parametrize("weight_percent", [1, 20, 100])
def test_a_share_is_the_same_service_twice_once_with_the_headers(weight_percent: int) -> None:
    (found, other) = render([rule(backend()), rule(backend("shop"))], NAMESPACE, marks(weight_percent))
    assert found["backendRefs"] == [
        backend(weight=100 - weight_percent),
        backend(weight=weight_percent, filters=[FILTER]),
    ]
    assert other == rule(backend("shop"))


def test_matched_requests_have_a_rule_in_front_with_all_of_the_rules_own_backends() -> None:
    own = rule(backend(), backend("other", weight=3), name="all", timeouts={"request": "1s"})
    front, behind, redirect = render([own, REDIRECT], NAMESPACE, marks(0, TESTERS))
    assert (behind, redirect) == (own, REDIRECT)
    assert front["matches"][0]["headers"] == [{"name": "user", "type": "Exact", "value": "tester"}]
    assert (front["backendRefs"], front["filters"], front["timeouts"]) == (
        own["backendRefs"],
        [FILTER],
        own["timeouts"],
    )
    assert "name" not in front


def test_where_a_prefix_is_replaced_each_match_has_a_rule_of_its_own_and_no_path_is_narrowed() -> None:
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    own = rule(backend(), path="/api", filters=[rewrite])
    wanted = marks(0, TESTERS, HttpMatch(path_prefix="/api/beta"), HttpMatch(headers={"user": "ann"}))
    *fronts, behind = render([own], NAMESPACE, wanted)
    assert behind == own
    (match,) = own["matches"]
    assert [each["matches"] for each in fronts] == [
        [match | {"headers": [{"name": "user", "type": "Exact", "value": user}]}] for user in ("tester", "ann")
    ]
    assert all(each["filters"] == [rewrite, FILTER] for each in fronts)
    added = rule(backend("other"), path="/added")
    assert recover([*fronts, own, added], [own], NAMESPACE, wanted) == [own, added]


def test_a_change_of_headers_of_the_users_own_is_kept_and_ours_wins() -> None:
    own = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "X-Release", "value": "old"}]}}
    own["requestHeaderModifier"]["add"] = [{"name": "x-entry", "value": "1"}]  # type: ignore[index]  # plain JSON
    mirror = {"type": "RequestMirror"}
    front, _ = render([rule(backend(), filters=[own, mirror])], NAMESPACE, marks(0, TESTERS))
    changes = FILTER["requestHeaderModifier"] | {"add": [{"name": "x-entry", "value": "1"}]}  # type: ignore[operator]
    assert front["filters"] == [{"type": "RequestHeaderModifier", "requestHeaderModifier": changes}, mirror]


def test_nobody_marked_leaves_the_rules_as_they_are() -> None:
    own = [rule(backend(weight=7))]
    assert render(own, NAMESPACE, marks()) == own
    assert render(own, NAMESPACE, marks(50).emptied()) == own


BACKENDS = st.lists(
    st.builds(backend, st.sampled_from(["web", "other"]), weight=st.integers(0, 100)), min_size=1, max_size=3
)
RULES = st.lists(
    st.builds(lambda backends, path: rule(*backends, path=path), BACKENDS, st.sampled_from(["/", "/a", "/b"])),
    min_size=1,
    max_size=3,
    unique_by=lambda each: str(each["matches"]),
)
SHARES = st.builds(marks, st.integers(0, 100)) | st.just(marks(0, TESTERS))


@given(RULES, SHARES)
def test_what_nobody_edited_comes_back_as_it_was(own: list[dict[str, Any]], share: Share) -> None:
    assert recover(render(own, NAMESPACE, share), own, NAMESPACE, share) == own


@given(RULES, SHARES)
def test_an_edit_beside_ours_is_kept_and_ours_taken_out(own: list[dict[str, Any]], share: Share) -> None:
    edited = deepcopy(render(own, NAMESPACE, share))
    for each in edited:
        each["timeouts"] = {"request": "2s"}
    found = recover(edited, own, NAMESPACE, share)
    assert all(each["timeouts"] == {"request": "2s"} for each in found)
    assert [each["backendRefs"] for each in found] == [each["backendRefs"] for each in own]
    assert "RequestHeaderModifier" not in str(found)


def test_a_rule_that_its_user_added_or_took_out_is_added_or_gone() -> None:
    own = [rule(backend()), rule(backend(), path="/a")]
    share = marks(20)
    added = rule(backend("new"), path="/new")
    edited = [*render(own, NAMESPACE, share)[:1], added]
    assert recover(edited, own, NAMESPACE, share) == [own[0], added]


def test_a_user_who_marks_the_same_way_keeps_that() -> None:
    own = [rule(backend(), filters=[FILTER]), rule(backend(), path="/a")]
    share = marks(0, TESTERS)
    assert recover(render(own, NAMESPACE, share), own, NAMESPACE, share) == own
    edited = deepcopy(render(own, NAMESPACE, share))
    edited[-2]["timeouts"] = {"request": "2s"}
    assert recover(edited, own, NAMESPACE, share) == [own[0] | {"timeouts": {"request": "2s"}}, own[1]]


def test_rules_that_are_rendered_alike_come_back_each_with_its_own_number() -> None:
    own = [rule(backend(weight=1)), rule(backend(weight=2))]
    assert recover(render(own, NAMESPACE, marks(20)), own, NAMESPACE, marks(20)) == own

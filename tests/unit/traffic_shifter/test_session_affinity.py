"""Who came to the new version stays with it: the cookie, the match by it, and how each router says both."""

import re

import pytest
from unit.traffic_shifter.test_routers import FORMATS

from tidegate_contracts.rollout import HttpMatch, SessionAffinity, TrafficReference
from tidegate_contracts.routers import BUILT_IN, DESTINATION_RULE
from tidegate_contracts.validate_traffic import traffic_problems
from tidegate_traffic_shifter.affinity import kept
from tidegate_traffic_shifter.formats import Rewritten
from tidegate_traffic_shifter.share import Share

BY_HEADER = HttpMatch(headers={"x-user": "ann"})
SHARE = Share(service="web", canary_service="web-canary", weight_percent=20, matches=(BY_HEADER,))
KEPT = kept(SHARE, SessionAffinity(cookie="stay", max_age_s=60), "7c9b")
SET = "stay=7c9b; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"


def test_a_share_has_a_cookie_of_its_revision_and_a_match_by_it_after_the_steps_own() -> None:
    assert KEPT.set_cookie == SET
    own, by_cookie = KEPT.matches
    assert own == BY_HEADER
    pattern = by_cookie.headers_regex["cookie"]
    found = {text: bool(re.fullmatch(pattern, text)) for text in ("stay=7c9b", "a=b; stay=7c9b; c=d", "a=b;stay=7c9b")}
    assert all(found.values())
    others = ("stay=7c9bb", "stay=5d4f", "overstay=7c9b", "a=stay=7c9b", "")
    assert not any(re.fullmatch(pattern, text) for text in others)


@pytest.mark.parametrize("weight_percent", [0, 100])
def test_nothing_and_everything_need_no_cookie(weight_percent: int) -> None:
    share = Share(service="web", canary_service="web-canary", weight_percent=weight_percent)
    assert kept(share, SessionAffinity(), "7c9b") == share


def rendered(router: str, backend: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The rule in front, and the one with the share."""
    form = FORMATS[router]
    assert isinstance(form, Rewritten)
    if router == "istio-virtual-service":
        return tuple(form.render({"http": [{"route": [backend]}]}, "shop", KEPT)["http"])
    return tuple(form.render([{"backendRefs": [backend]}], "shop", KEPT))


def test_a_route_of_the_gateway_api_sets_it_with_the_new_versions_answers_beside_the_users_own_change() -> None:
    own = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["server"]}}
    front, shared = rendered("gateway-http-route", {"name": "web", "port": 80, "filters": [own]})
    assert front["backendRefs"] == [{"name": "web-canary", "port": 80, "filters": [own], "weight": 1}], (
        "not where matched"
    )
    stable, canary = shared["backendRefs"]  # type: ignore[misc, str-unpack]
    assert stable["filters"] == [own]
    assert canary["filters"] == [
        {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {"add": [{"name": "Set-Cookie", "value": SET}], "remove": ["server"]},
        }
    ]


def test_a_virtual_service_sets_it_too() -> None:
    front, shared = rendered("istio-virtual-service", {"destination": {"host": "web"}})
    assert front["route"] == [{"destination": {"host": "web-canary"}, "weight": 100}]
    stable, canary = shared["route"]  # type: ignore[misc, str-unpack]
    assert "headers" not in stable
    assert canary["headers"] == {"response": {"add": {"Set-Cookie": SET}}}


@pytest.mark.parametrize(
    ("router", "affinity", "fields"),
    [
        ("gateway-http-route", SessionAffinity(), []),
        ("istio-virtual-service", SessionAffinity(), []),
        ("my-own", SessionAffinity(), []),
        ("ingress-nginx", SessionAffinity(), [""]),
        ("gateway-http-route", SessionAffinity(cookie="a;b", max_age_s=0), [".cookie", ".max_age_s"]),
    ],
)
def test_a_router_that_can_not_and_a_cookie_that_is_none_are_refused(
    router: str, affinity: SessionAffinity, fields: list[str]
) -> None:
    reference = TrafficReference(route="web", service="web", router=router, session_affinity=affinity)
    found = [each.field for each in traffic_problems((reference,))]
    assert found == [f"traffic[0].session_affinity{field}" for field in fields]


def test_an_object_that_only_declares_sets_no_cookie() -> None:
    assert not BUILT_IN[DESTINATION_RULE].session_affinity
    assert BUILT_IN["istio-virtual-service"].session_affinity

"""What is asked for and can't be said in a route is refused before anything is written, whatever else can be."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.routes import Manifest, alb_ingress, gateway_route
from unit.traffic_shifter.test_routers import FORMATS
from unit.traffic_shifter.test_waits_of_routes import PLACE

from tidegate_contracts.rollout import HttpMatch, SessionAffinity
from tidegate_traffic_shifter.affinity import kept
from tidegate_traffic_shifter.formats import Rewritten
from tidegate_traffic_shifter.outcome import Refused
from tidegate_traffic_shifter.rewriting import Rewriting
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

ANN = HttpMatch(headers={"x-user": "ann"})
BETA = HttpMatch(path_prefix="/beta")
BELOW = HttpMatch(path_prefix="/shop/next")
SHARE = Share(service="web", canary_service="web-canary", weight_percent=20)
AFFINITY = SessionAffinity()
SHOP = {"path": {"type": "PathPrefix", "value": "/shop"}}
BY_COOKIE = {"headers": [{"name": "Cookie", "type": "RegularExpression", "value": ".*plan=gold.*"}]}
BACKENDS = {"backendRefs": [{"name": "web", "port": 80}]}


class Seen(Rewriting):
    """Of a route as it is given."""

    def __init__(self, router: str, manifest: Manifest) -> None:
        cluster: Any = SimpleNamespace(client=None)
        form = FORMATS[router]
        assert isinstance(form, Rewritten)
        super().__init__(cluster, form, router)
        self._route = msgspec.convert(manifest, Route)

    async def _look(self, place: Any, fence: Any) -> Route:
        del place, fence
        return self._route


def refused(router: str, manifest: Manifest, share: Share) -> str | None:
    """Which field of the order is."""
    fence: Any = None
    found = asyncio.run(Seen(router, manifest).check(PLACE, share, fence))
    assert found is None or isinstance(found, Refused)
    return found.problem.field if found is not None else None


def gateway(*rules: dict[str, Any]) -> Manifest:
    return gateway_route("HTTPRoute", *(BACKENDS | rule for rule in rules))


def alb(path: str) -> Manifest:
    manifest = alb_ingress()
    manifest["spec"]["rules"][0]["http"]["paths"][0]["path"] = path
    return manifest


def spec(**fields: Any) -> Manifest:
    return {"spec": fields}


def kuma(path: str) -> dict[str, Any]:
    """A destination with one rule."""
    matches = [{"path": {"type": "PathPrefix", "value": path}}]
    return {"rules": [{"matches": matches, "default": {"backendRefs": [{"kind": "MeshService", "name": "web"}]}}]}


UNDER_SHOP: dict[str, Manifest] = {
    "gateway-http-route": gateway({"matches": [SHOP]}),
    "contour-http-proxy": spec(
        routes=[{"conditions": [{"prefix": "/shop"}], "services": [{"name": "web", "port": 80}]}]
    ),
    "istio-virtual-service": spec(
        http=[{"match": [{"uri": {"prefix": "/shop"}}], "route": [{"destination": {"host": "web"}}]}],
        tcp=[{"route": [{"destination": {"host": "web"}}]}],
    ),
    "ingress-aws-alb": alb("/shop"),
    "kuma-mesh-http-route": spec(to=[kuma("/shop"), kuma("/other")]),
}


@pytest.mark.parametrize("router", UNDER_SHOP)
def test_a_match_that_fits_nothing_is_refused_though_others_fit(router: str) -> None:
    own = UNDER_SHOP[router]
    assert refused(router, own, replace(SHARE, matches=(ANN, BELOW))) is None
    assert refused(router, own, replace(SHARE, matches=(ANN, BETA))) == "traffic.matches"
    assert refused(router, own, replace(SHARE, matches=(BETA, ANN))) == "traffic.matches"


@pytest.mark.parametrize("router", ["gateway-http-route", "istio-virtual-service"])
def test_a_steps_match_that_fits_nothing_is_not_hidden_by_the_cookies(router: str) -> None:
    share = kept(replace(SHARE, matches=(BETA,)), AFFINITY, "7c9b")
    assert refused(router, UNDER_SHOP[router], share) == "traffic.matches"
    assert refused(router, UNDER_SHOP[router], kept(SHARE, AFFINITY, "7c9b")) is None


def test_where_all_rules_match_a_cookie_themselves_it_is_the_affinity_that_is_refused() -> None:
    share = kept(replace(SHARE, matches=(ANN,)), AFFINITY, "7c9b")
    by_cookie, other = {"matches": [BY_COOKIE]}, {"matches": [SHOP]}
    assert refused("gateway-http-route", gateway(by_cookie), share) == "traffic.session_affinity"
    assert refused("gateway-http-route", gateway(by_cookie, other), share) is None
    assert refused("gateway-http-route", gateway(by_cookie), replace(SHARE, matches=(ANN,))) is None


def filtered(**changes: Any) -> Manifest:
    """A route whose backend changes headers of its answers."""
    filters = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": changes}]
    return gateway({"backendRefs": [BACKENDS["backendRefs"][0] | {"filters": filters}]})


def in_virtual_service(host: str = "web", **changes: Any) -> Manifest:
    """The same of a VirtualService's destination, beside one that changes nothing and a route of connections."""
    changing = {"destination": {"host": host}, "weight": 50, "headers": {"response": changes}}
    http = [{"route": [{"destination": {"host": "web"}, "weight": 50}, changing]}]
    return spec(http=http, tcp=[{"route": [{"destination": {"host": "web"}}]}])


@pytest.mark.parametrize(
    ("router", "own"),
    [
        ("gateway-http-route", filtered(set=[{"name": "Set-Cookie", "value": "a=b"}])),
        ("gateway-http-route", filtered(add=[{"name": "set-cookie", "value": "a=b"}])),
        ("gateway-http-route", filtered(remove=["SET-COOKIE"])),
        ("istio-virtual-service", in_virtual_service(set={"Set-Cookie": "a=b"})),
        ("istio-virtual-service", in_virtual_service(add={"set-cookie": "a=b"})),
        ("istio-virtual-service", in_virtual_service(remove=["SET-COOKIE"])),
    ],
)
def test_a_change_of_the_users_own_that_the_cookie_would_take_away_leaves_no_room(router: str, own: Manifest) -> None:
    assert refused(router, own, kept(SHARE, AFFINITY, "7c9b")) == "traffic.session_affinity"
    assert refused(router, own, SHARE) is None


@pytest.mark.parametrize(
    ("router", "own"),
    [
        ("gateway-http-route", filtered(add=[{"name": "x-a", "value": "b"}], remove=["server"])),
        ("istio-virtual-service", in_virtual_service(add={"x-a": "b"}, remove=["server"])),
        ("istio-virtual-service", in_virtual_service("other", set={"Set-Cookie": "a=b"})),
    ],
)
def test_other_changes_and_those_of_another_services_answers_leave_room(router: str, own: Manifest) -> None:
    assert refused(router, own, kept(SHARE, AFFINITY, "7c9b")) is None

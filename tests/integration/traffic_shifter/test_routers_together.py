"""Every built-in router on a real API server, which validates what is written; no Ingress controller runs here."""

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest
from support.routes import install_istio
from support.traffic import GRACE_S, TrafficRig, route
from support.until import until

from tidegate_chassis.kubernetes.resources import (
    GRPC_ROUTES,
    HTTP_PROXIES,
    HTTP_ROUTES,
    INGRESSES,
    SERVICES,
    VIRTUAL_SERVICES,
)
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficRepaired, TrafficShifted
from tidegate_contracts.orders import PlannedShare
from tidegate_contracts.rollout import HeaderChange, HttpMatch, SessionAffinity, TrafficReference
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.seen import Route

pytestmark = pytest.mark.sandbox

NGINX = "nginx.ingress.kubernetes.io/"
KINDS = ("nginx", "higress", "mse", "aliyun-alb")


def ingress(name: str, *more: dict[str, Any]) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}, *more]
    spec = {"ingressClassName": "none", "rules": [{"host": f"{name}.example", "http": {"paths": paths}}]}
    metadata = {"name": name, "annotations": {"team": "a"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def reference(name: str, router: str) -> TrafficReference:
    return TrafficReference(route=name, service="web", router=router, grace_s=GRACE_S)


def grpc_route(rig: TrafficRig) -> dict[str, Any]:
    """Of another name than the HTTPRoute: Contour mixes up the statuses of two routes of one name."""
    return route(f"grpc-{rig.host}") | {"kind": "GRPCRoute", "metadata": {"name": "calls"}}


def virtual_service() -> dict[str, Any]:
    def to(host: str) -> dict[str, Any]:
        return {"route": [{"destination": {"host": host}}]}

    spec = {
        "hosts": ["web.example"],
        "http": [to("web") | {"timeout": "5s"}, {"match": [{"uri": {"prefix": "/admin"}}]} | to("admin")],
        "tcp": [{"match": [{"port": 443}]} | to("web")],
        "tls": [{"match": [{"port": 444, "sniHosts": ["web.example"]}]} | to("web")],
    }
    metadata = {"name": "web"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}


async def annotations(rig: TrafficRig, name: str) -> dict[str, str]:
    found = (await rig.read(INGRESSES, name))["metadata"]["annotations"]
    return {
        key: value for key, value in found.items() if "canary" in key or "order" in key.removeprefix("tidegate.io/")
    }


async def test_routes_of_every_kind_change_together_and_are_given_back_as_they_were(rig: TrafficRig) -> None:
    await rig.create(v1=2, v2=2)
    await rig.admin.create(GRPC_ROUTES, rig.namespace, grpc_route(rig))
    await asyncio.gather(*(rig.admin.create(INGRESSES, rig.namespace, ingress(kind)) for kind in KINDS))
    resources = [
        (HTTP_ROUTES, "web"),
        (GRPC_ROUTES, "calls"),
        (SERVICES, "web"),
        *((INGRESSES, each) for each in KINDS),
    ]
    before = [(await rig.read(*each))["spec"] for each in resources]
    traffic = (
        *(reference(kind, f"ingress-{kind}") for kind in KINDS),
        reference("web", "gateway-http-route"),
        reference("calls", "gateway-grpc-route"),
    )
    await rig.obey(rig.shift(0, canary=None, traffic=traffic), TrafficShifted)
    by_user = (HttpMatch(headers={"user": "ann"}),)
    await rig.obey(rig.shift(20, traffic=traffic, matches=by_user), TrafficShifted)
    for kind, prefix in zip(KINDS, (NGINX, NGINX, NGINX, "alb.ingress.kubernetes.io/"), strict=True):
        wanted = {"canary": "true", "canary-weight": "20", "canary-by-header": "user", "canary-by-header-value": "ann"}
        found = await annotations(rig, f"{kind}-canary")
        assert {name.removeprefix(prefix): value for name, value in found.items()}.items() >= wanted.items(), kind
    in_front, shared = (await rig.read(GRPC_ROUTES, "calls"))["spec"]["rules"]
    assert in_front["matches"] == [{"headers": [{"type": "Exact", "name": "user", "value": "ann"}]}]
    assert [each["weight"] for each in shared["backendRefs"]] == [80, 20]
    assert await rig.measure() == {"v1": pytest.approx(80, abs=8.0), "v2": pytest.approx(20, abs=8.0)}
    await rig.obey(rig.release(traffic=traffic), TrafficReleased, within_s=20.0)
    assert [(await rig.read(*each))["spec"] for each in resources] == before
    assert not any([await rig.exists(INGRESSES, f"{kind}-canary") for kind in KINDS])
    assert not await rig.exists(SERVICES, "web-canary")
    managers = {each["manager"] for each in (await rig.read(INGRESSES, "nginx"))["metadata"]["managedFields"]}
    assert managers == {"a-user"}, "the user's own Ingress is only read"


async def test_an_edit_of_a_canary_ingress_is_undone_and_one_of_the_users_own_is_followed(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    await rig.admin.create(INGRESSES, rig.namespace, ingress("web"))
    traffic = (reference("web", "ingress-nginx"),)
    await rig.obey(rig.shift(30, traffic=traffic), TrafficShifted)
    weight = f"{NGINX}canary-weight"
    await rig.edit(INGRESSES, {"metadata": {"annotations": {weight: "90"}}}, "web-canary")
    repaired = await rig.fact(TrafficRepaired)
    assert repaired.by == "a-user"
    assert (await annotations(rig, "web-canary"))[weight] == "30"
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    added = ingress("web", {"path": "/more", "pathType": "Prefix", "backend": backend})["spec"]
    await rig.edit(INGRESSES, {"spec": added})
    follows = rig.cluster.wake_by(INGRESSES, Route).store
    await until(lambda: len(follows.get(rig.namespace, "web-canary").spec["rules"][0]["http"]["paths"]) > 1)
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    assert (await rig.read(INGRESSES))["spec"] == added
    assert not await rig.exists(INGRESSES, "web-canary")


async def test_one_route_that_refuses_keeps_all_others_as_they_are(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    await rig.admin.create(INGRESSES, rig.namespace, ingress("web"))
    await rig.admin.create(INGRESSES, rig.namespace, ingress("web-canary"))
    before = await rig.user_made()
    traffic = (reference("web", "gateway-http-route"), reference("web", "ingress-nginx"))
    refused = await rig.obey(rig.shift(0, canary=None, traffic=traffic), TrafficRefused)
    assert (refused.problem.field, refused.problem.value) == ("traffic.route", "web-canary")
    assert await rig.user_made() == before
    nowhere = (reference("web", "ingress-nginx"), reference("elsewhere", "ingress-mse"))
    refused = await rig.obey(rig.shift(0, canary=None, traffic=nowhere), TrafficRefused)
    assert "Ingress" in refused.problem.rule
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    assert await rig.exists(INGRESSES, "web-canary"), "it is somebody else's"


@pytest.mark.parametrize("router", ["gateway-http-route", "contour-http-proxy"])
async def test_a_match_of_a_later_step_that_no_rule_has_room_for_is_refused_before_any_object_is_written(
    rig: TrafficRig, router: str
) -> None:
    rig.router = router
    narrow = [
        {"matches": [{"path": {"type": "Exact", "value": "/shop"}}], "backendRefs": [{"name": "web", "port": 80}]}
    ]
    await rig.create(v1=1, v2=1, rules=narrow)
    if router == "contour-http-proxy":
        routes = [{"conditions": [{"exact": "/shop"}], "services": [{"name": "web", "port": 80}]}]
        await rig.edit(HTTP_PROXIES, {"spec": {"routes": routes}})
    before = await rig.user_made()
    planned = (
        PlannedShare(step=1, weight_percent=20, matches=(HttpMatch(headers={"x-user": "ann"}),)),
        PlannedShare(step=3, weight_percent=20, matches=(HttpMatch(path_prefix="/api"),)),
    )
    refused = await rig.obey(rig.shift(0, canary=None, planned=planned), TrafficRefused)
    assert refused.problem.field == "steps[2].traffic.matches"
    assert await rig.user_made() == before
    written_by = await rig.owners(rig.route_resource) | await rig.owners(SERVICES)
    assert FIELD_MANAGER not in written_by
    assert not await rig.exists(SERVICES, "web-canary")
    await rig.obey(rig.shift(0, canary=None, planned=planned[:1]), TrafficShifted)
    await rig.obey(rig.release(), TrafficReleased)


@pytest.mark.parametrize("router", ["gateway-http-route", "contour-http-proxy"])
async def test_every_kind_of_match_is_exact_on_both_sides_through_the_real_proxy(rig: TrafficRig, router: str) -> None:
    rig.router = router
    await rig.create()
    matches = (
        HttpMatch(path_exact="/buy", headers={"x-user": "ann"}),
        HttpMatch(headers_regex={"x-user": "b.*"}),
        HttpMatch(query={"beta": "1"}),
        HttpMatch(path_prefix="/next"),
        HttpMatch(path_regex="/v[0-9]+"),
    )
    order = rig.shift(0, matches=matches, request_headers=HeaderChange(set={"x-version": "new"}, remove=("x-old",)))
    await rig.obey(order, TrafficShifted)
    asked = {
        "v2": [("/buy", "ann"), ("/", "bob"), ("/?beta=1", ""), ("/next/1", ""), ("/v7", "")],
        "v1": [("/", "ann"), ("/buy", "eve"), ("/?beta=2", ""), ("/nextdoor", ""), ("/vx", ""), ("/buy/1", "ann")],
    }
    for version, requests in asked.items():
        for path, user in requests:
            assert await rig.answers(50, path, {"x-user": user} if user else {}) == {version}, (path, user)
    await rig.obey(rig.release(), TrafficReleased)


@pytest.mark.parametrize(
    ("router", "added"), [("gateway-http-route", {"x-seen": "1"}), ("contour-http-proxy", {})], ids=["route", "proxy"]
)
async def test_a_change_of_headers_is_seen_by_the_new_versions_pods_and_by_no_others(
    rig: TrafficRig, router: str, added: dict[str, str]
) -> None:
    rig.router = router
    await rig.create(v1=1, v2=1)
    change = HeaderChange(set={"x-version": "new"}, add=added, remove=("x-old",))
    by_user = (HttpMatch(headers={"x-user": "ann"}),)
    await rig.obey(rig.shift(0, matches=by_user, request_headers=change), TrafficShifted)
    sent = {"x-version": "mine", "x-old": "1"}
    version, _, *head = await rig.lines("/headers", sent | {"x-user": "ann"})
    assert version == "version v2"
    assert {f"{name}: {value}" for name, value in ({"x-version": "new"} | added).items()} <= set(head)
    assert not [each for each in head if each.startswith("x-old") or "mine" in each]
    version, _, *head = await rig.lines("/headers", sent)
    assert version == "version v1"
    assert {"x-version: mine", "x-old: 1"} <= set(head)
    await rig.obey(rig.shift(100, request_headers=change, lowering=True), TrafficShifted)
    assert "x-version: new" in await rig.lines("/headers", sent), "with a share, too"


async def test_who_came_to_the_new_version_stays_with_it_until_its_share_is_over(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    traffic = (msgspec.structs.replace(reference("web", "gateway-http-route"), session_affinity=SessionAffinity()),)
    await rig.obey(rig.shift(0, canary=None, traffic=traffic), TrafficShifted)
    await rig.obey(rig.shift(30, traffic=traffic), TrafficShifted)
    cookies: dict[str, set[str]] = {"v1": set(), "v2": set()}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for _ in range(60):
            async with session.get(rig.door_url, headers={"host": rig.host}) as answer:
                cookies[answer.headers["x-version"]].add(answer.headers.get("set-cookie", ""))
    assert cookies["v1"] == {""}
    (said,) = cookies["v2"]
    cookie = said.partition(";")[0]
    assert cookie == f"tidegate-version={rig.revisions['v2']}"
    assert await rig.answers(100, "/", {"cookie": f"a=b; {cookie}"}) == {"v2"}
    assert await rig.answers(100, "/", {"cookie": f"{cookie}0"}) == {"v1", "v2"}, "of another revision"
    await rig.obey(rig.shift(0, lowering=True, traffic=traffic), TrafficShifted)
    assert await rig.answers(50, "/", {"cookie": cookie}) == {"v1"}
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)


@pytest.mark.parametrize(("router", "mirror_percent"), [("gateway-http-route", 100), ("contour-http-proxy", 50)])
async def test_copies_reach_the_new_version_and_their_answers_nobody(
    rig: TrafficRig, router: str, mirror_percent: int
) -> None:
    rig.router = router
    await rig.create(v1=2, v2=1)
    before = await rig.user_made()
    counted = (HttpMatch(path_exact="/metrics"),)
    await rig.obey(rig.shift(0, mirror_percent=mirror_percent, matches=counted), TrafficShifted)
    assert await rig.measure(requests=600) == {"v1": 100.0}
    copies = sum(int(line.split()[-1]) for line in await rig.lines("/metrics") if "http_requests_total{" in line)
    assert copies == pytest.approx(6 * mirror_percent, rel=0.25)
    await rig.obey(rig.shift(0, lowering=True), TrafficShifted)
    await rig.obey(rig.release(), TrafficReleased)
    assert await rig.user_made() == before


async def test_a_virtual_service_is_written_as_istios_own_definition_takes_it_and_given_back(rig: TrafficRig) -> None:
    install_istio(rig.sandbox)
    await rig.create(v1=1, v2=1)
    await rig.admin.create(VIRTUAL_SERVICES, rig.namespace, virtual_service())
    before = (await rig.read(VIRTUAL_SERVICES))["spec"]
    traffic = (reference("web", "istio-virtual-service"),)
    await rig.obey(rig.shift(0, canary=None, traffic=traffic), TrafficShifted)
    change = HeaderChange(set={"x-version": "new"}, add={"x-seen": "1"}, remove=("x-old",))
    matches = (HttpMatch(headers={"X-User": "ann"}, query_regex={"v": "2.*"}, path_prefix="/beta"),)
    order = rig.shift(20, matches=matches, request_headers=change, mirror_percent=10, traffic=traffic)
    await rig.obey(order, TrafficShifted)
    spec = (await rig.read(VIRTUAL_SERVICES))["spec"]
    assert [each["weight"] for field in ("tcp", "tls") for each in spec[field][0]["route"]] == [80, 20, 80, 20]
    front, shared, elsewhere = spec["http"]
    assert [each["uri"] for each in front["match"]] == [{"exact": "/beta"}, {"prefix": "/beta/"}]
    assert [each["destination"]["host"] for each in shared["route"]] == ["web", "web-canary"]
    assert shared["mirrors"] == [{"destination": {"host": "web-canary"}, "percentage": {"value": 10}}]
    assert elsewhere == before["http"][1]
    await rig.edit(VIRTUAL_SERVICES, {"spec": {"hosts": ["web.example", "shop.example"]}})
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    assert (await rig.read(VIRTUAL_SERVICES))["spec"] == before | {"hosts": ["web.example", "shop.example"]}
    assert await rig.owners(VIRTUAL_SERVICES) == {"a-user"}

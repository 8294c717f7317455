"""What each router that rewrites the user's own object writes, word for word, and what an edit of it means."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.routes import (
    ALB,
    APISIX_RULE,
    FORWARD,
    KUMA_RULE,
    MANIFESTS,
    MATCH,
    TRAEFIK_ROUTE,
    Manifest,
    alb_ingress,
    apisix_route,
    ingress_route,
    kuma_route,
)
from unit.traffic_shifter.test_routers import FORMATS

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter.formats import Part, Rewritten
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

NAMESPACE = "shop"
ANN = HttpMatch(headers={"X-User": "ann"})
BETA = HttpMatch(query={"beta": "1"}, path_prefix="/shop/next/")
PATTERNS = HttpMatch(headers_regex={"x-user": "a.*|b"}, query_regex={"q": "."}, path_regex="/v[0-9]")


def share(weight_percent: int, *matches: HttpMatch) -> Share:
    return Share(service="web", canary_service="web-canary", weight_percent=weight_percent, matches=matches)


def form(router: str) -> Rewritten:
    found = FORMATS[router]
    assert isinstance(found, Rewritten)
    return found


def part(router: str, manifest: Manifest) -> Part:
    return form(router).part(msgspec.convert(manifest, Route))


def rendered(router: str, wanted: Share, manifest: Manifest | None = None) -> Any:
    return form(router).render(part(router, manifest or MANIFESTS[router]), NAMESPACE, wanted)


def recovered(router: str, edited: Part, wanted: Share, manifest: Manifest | None = None) -> Any:
    return form(router).recover(edited, part(router, manifest or MANIFESTS[router]), NAMESPACE, wanted)


def weighted(first: dict[str, Any], *weights: int, name: str = "name") -> list[dict[str, Any]]:
    """The backend for both versions."""
    names = ("web", "web-canary")
    return [first | {name: each, "weight": weight} for each, weight in zip(names, weights, strict=True)]


def test_traefik_shares_by_weights_and_matches_by_an_expression_of_a_higher_priority() -> None:
    (service,) = TRAEFIK_ROUTE["services"]
    wanted = "(Header(`X-User`, `ann`) || Query(`beta`, `1`) && (Path(`/shop/next`) || PathPrefix(`/shop/next/`)))"
    assert rendered("traefik-ingress-route", share(30, ANN, BETA)) == [
        TRAEFIK_ROUTE
        | {
            "match": f"({MATCH}) && {wanted}",
            "priority": len(MATCH) + 1,
            "services": [service | {"name": "web-canary", "weight": 100}],
        },
        TRAEFIK_ROUTE | {"services": weighted(service, 70, 30)},
    ]


def test_traefik_matches_whole_texts_by_patterns_and_writes_any_text() -> None:
    own = TRAEFIK_ROUTE | {"priority": 7}
    front, _ = rendered("traefik-ingress-route", share(0, PATTERNS), ingress_route(own))
    assert front["match"].removeprefix(f"({MATCH}) && ") == (
        "(HeaderRegexp(`x-user`, `^(?:a.*|b)$`) && QueryRegexp(`q`, `^(?:.)$`) && PathRegexp(`^(?:/v[0-9])$`))"
    )
    assert front["priority"] == 8
    odd = HttpMatch(headers={"x": 'a`"\\'}, path_prefix="/")
    front, _ = rendered("traefik-ingress-route", share(0, odd))
    assert front["match"].endswith('(Header(`x`, "a`\\"\\\\") && (PathPrefix(`/`)))')


def test_a_traefik_service_shares_by_weights() -> None:
    assert rendered("traefik-service", share(30)) == weighted({"name": "web", "port": 80}, 70, 30)
    patched = form("traefik-service").patch(rendered("traefik-service", share(30)))
    assert list(patched["spec"]["weighted"]) == ["services"], "its cookie stays"


def test_traefik_hears_of_the_canary_service_only_where_it_gets_requests() -> None:
    """It drops a route for one Service without endpoints, whatever its weight."""
    (service,) = TRAEFIK_ROUTE["services"]
    assert rendered("traefik-ingress-route", share(0)) == [TRAEFIK_ROUTE]
    assert rendered("traefik-service", share(0)) == [{"name": "web", "port": 80}]
    front, own = rendered("traefik-ingress-route", share(0, ANN))
    assert (front["services"], own) == ([service | {"name": "web-canary", "weight": 100}], TRAEFIK_ROUTE)
    edited = TRAEFIK_ROUTE | {"services": [service | {"weight": 3}]}
    assert recovered("traefik-ingress-route", [edited], share(0)) == [edited]


def test_apisix_has_a_rule_for_each_match() -> None:
    backend = {"serviceName": "web", "servicePort": 80}
    fronts = rendered("apisix-route", share(30, ANN, BETA, PATTERNS))
    names = [(each["name"], each.get("priority")) for each in fronts]
    assert names == [("all-tidegate-1", 1), ("all-tidegate-2", 1), ("all-tidegate-3", 1), ("all", None)]
    assert fronts[0] == APISIX_RULE | {
        "name": "all-tidegate-1",
        "priority": 1,
        "match": APISIX_RULE["match"]
        | {"exprs": [{"subject": {"scope": "Header", "name": "X-User"}, "op": "Equal", "value": "ann"}]},
        "backends": [{"serviceName": "web-canary", "servicePort": 80, "weight": 100}],
    }
    said = [
        [(each["subject"]["scope"], each["op"], each["value"]) for each in e["match"]["exprs"]] for e in fronts[1:3]
    ]
    assert said == [
        [("Query", "Equal", "1"), ("Path", "RegexMatch", "^/shop/next(?:/|$)")],
        [
            ("Header", "RegexMatch", "^(?:a.*|b)$"),
            ("Query", "RegexMatch", "^(?:.)$"),
            ("Path", "RegexMatch", "^(?:/v[0-9])$"),
        ],
    ]
    assert fronts[3] == APISIX_RULE | {"backends": weighted(backend, 70, 30, name="serviceName")}


def test_apisix_gives_a_backend_without_a_weight_a_hundred() -> None:
    rule = APISIX_RULE | {
        "backends": [{"serviceName": "web", "servicePort": 80}, {"serviceName": "b", "servicePort": 1, "weight": 300}]
    }
    (found,) = rendered("apisix-route", share(50), apisix_route(rule))
    assert [each["weight"] for each in found["backends"]] == [5000, 5000, 30000]


def test_kuma_narrows_as_a_gateway_does_and_names_headers_in_lower_case() -> None:
    ((to,),) = (rendered("kuma-mesh-http-route", share(30, ANN, HttpMatch(path_prefix="/next"))),)
    backend = KUMA_RULE["default"]["backendRefs"][0]
    front, shared = to["rules"]
    assert front == {
        "matches": [
            {
                "path": {"type": "PathPrefix", "value": "/"},
                "method": "GET",
                "headers": [{"name": "x-user", "type": "Exact", "value": "ann"}],
            },
            {"path": {"type": "PathPrefix", "value": "/next"}, "method": "GET"},
        ],
        "default": {"backendRefs": [backend | {"name": "web-canary", "weight": 100}]},
    }
    assert shared == KUMA_RULE | {"default": {"backendRefs": weighted(backend, 70, 30)}}
    assert to["targetRef"] == {"kind": "MeshService", "name": "web"}


def test_kuma_knows_a_service_by_its_label_too() -> None:
    labels = {"kuma.io/display-name": "web", "k8s.kuma.io/namespace": NAMESPACE}
    rule = KUMA_RULE | {"default": {"backendRefs": [{"kind": "MeshService", "labels": labels, "port": 80}]}}
    ((to,),) = (rendered("kuma-mesh-http-route", share(30), kuma_route(rule)),)
    found = [(each["labels"], each["weight"]) for each in to["rules"][0]["default"]["backendRefs"]]
    assert found == [(labels, 70), (labels | {"kuma.io/display-name": "web-canary"}, 30)]
    elsewhere = {"kind": "MeshService", "labels": labels | {"k8s.kuma.io/namespace": "other"}}
    other = kuma_route(KUMA_RULE | {"default": {"backendRefs": [elsewhere]}})
    kuma = form("kuma-mesh-http-route")
    assert not kuma.holds(part("kuma-mesh-http-route", other), NAMESPACE, "web")


def test_kuma_copies_requests_beside_the_filters_of_the_users_own() -> None:
    own = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "x-team", "value": "a"}]}}
    rule = KUMA_RULE | {"default": KUMA_RULE["default"] | {"filters": [own]}}
    ((to,),) = (rendered("kuma-mesh-http-route", replace(share(30), mirror_percent=10), kuma_route(rule)),)
    (shared,) = to["rules"]
    canary = rule["default"]["backendRefs"][0] | {"name": "web-canary", "weight": 1}
    copies = {"type": "RequestMirror", "requestMirror": {"percentage": 10, "backendRef": canary}}
    assert shared["default"]["filters"] == [own, copies]
    kuma, edited = form("kuma-mesh-http-route"), to | {"rules": [shared | {"matches": [{"method": "GET"}]}]}
    original = part("kuma-mesh-http-route", kuma_route(rule))
    (back,) = kuma.recover([edited], original, NAMESPACE, replace(share(30), mirror_percent=10))
    assert back["rules"] == [rule | {"matches": [{"method": "GET"}]}]


def test_kuma_narrows_no_path_whose_prefix_is_replaced() -> None:
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    moved = kuma_route(KUMA_RULE | {"default": KUMA_RULE["default"] | {"filters": [rewrite]}})
    kuma, own = form("kuma-mesh-http-route"), part("kuma-mesh-http-route", moved)
    assert not kuma.has_room(own, NAMESPACE, share(0, BETA))
    assert kuma.has_room(own, NAMESPACE, share(0, ANN))


def test_a_traffic_split_shares_by_weights() -> None:
    assert rendered("smi-traffic-split", share(30)) == [
        {"service": "web", "weight": 70},
        {"service": "web-canary", "weight": 30},
    ]


def test_a_list_of_weights_has_no_room_for_matches() -> None:
    for router in ("smi-traffic-split", "traefik-service"):
        own = part(router, MANIFESTS[router])
        assert not form(router).has_room(own, NAMESPACE, share(0, ANN)), router
        assert form(router).has_room(own, NAMESPACE, share(20)), router


def test_an_alb_shares_by_target_groups_and_matches_by_paths_in_front() -> None:
    own = [{"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.0/8"]}}]
    manifest = alb_ingress(FORWARD, to_web=json.dumps(own))
    found = rendered("ingress-aws-alb", share(30, ANN, BETA), manifest)
    paths = found["rules"][0]["http"]["paths"]
    shown = [(each["backend"]["service"]["name"], each["path"], each["pathType"]) for each in paths]
    assert shown == [("tidegate-1", "/", "Prefix"), ("tidegate-2", "/shop/next/", "Prefix"), ("to-web", "/", "Prefix")]
    assert {each["backend"]["service"]["port"]["name"] for each in paths} == {"use-annotation"}
    said = {name.removeprefix(ALB): json.loads(text) for name, text in found["annotations"].items()}
    group = {"serviceName": "web", "servicePort": "80"}
    header = {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-User", "values": ["ann"]}}
    query = {"field": "query-string", "queryStringConfig": {"values": [{"key": "beta", "value": "1"}]}}
    to_canary = {
        "type": "forward",
        "forwardConfig": {"targetGroups": [group | {"serviceName": "web-canary", "weight": 100}]},
    }
    assert said == {
        "actions.to-web": {
            "type": "forward",
            "forwardConfig": {"targetGroups": weighted(group, 70, 30, name="serviceName")},
        },
        "conditions.to-web": own,
        "actions.tidegate-1": to_canary,
        "conditions.tidegate-1": [*own, header],
        "actions.tidegate-2": to_canary,
        "conditions.tidegate-2": [*own, query],
    }


def test_what_an_alb_does_to_requests_on_their_way_is_done_in_front_too() -> None:
    manifest = alb_ingress()
    manifest["metadata"]["annotations"][f"{ALB}transforms.to-web"] = "[1]"
    found = rendered("ingress-aws-alb", share(0, HttpMatch(path_prefix="/a")), manifest)
    said = {name.removeprefix(ALB): text for name, text in found["annotations"].items() if "actions" not in name}
    assert said == {"transforms.to-web": "[1]", "transforms.tidegate-1": "[1]"}


@pytest.mark.parametrize(
    "match",
    [
        HttpMatch(headers={"x-user": "a*"}),
        HttpMatch(path_exact="/a?"),
        HttpMatch(headers={"x-user": "a" * 129}),
        HttpMatch(path_prefix="/other"),
    ],
    ids=["wildcard", "wildcard in a path", "too long", "elsewhere"],
)
def test_an_alb_is_not_asked_for_what_it_would_match_otherwise(match: HttpMatch) -> None:
    manifest = alb_ingress()
    manifest["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/shop"
    alb = form("ingress-aws-alb")
    assert not alb.has_room(part("ingress-aws-alb", manifest), NAMESPACE, share(0, match))


def test_an_alb_has_no_room_beside_conditions_that_nobody_can_read() -> None:
    alb = form("ingress-aws-alb")
    for text in ("no JSON", "{}"):
        broken = part("ingress-aws-alb", alb_ingress(FORWARD, to_web=text))
        assert not alb.has_room(broken, NAMESPACE, share(0, ANN))
        assert alb.has_room(broken, NAMESPACE, share(20))


def test_an_alb_shares_no_action_that_no_path_names_and_any_that_the_default_backend_does() -> None:
    manifest = alb_ingress()
    manifest["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"number": 80}
    alb = form("ingress-aws-alb")
    assert not alb.holds(part("ingress-aws-alb", manifest), NAMESPACE, "web")
    manifest["spec"]["defaultBackend"] = {"service": {"name": "to-web", "port": {"name": "use-annotation"}}}
    assert alb.holds(part("ingress-aws-alb", manifest), NAMESPACE, "web")
    for text in ('{"type": "fixed-response"}', "no JSON", "[]"):
        assert not alb.holds(part("ingress-aws-alb", alb_ingress(text)), NAMESPACE, "web")


def test_an_albs_weights_are_within_its_limit_and_keep_their_proportions() -> None:
    groups = [{"serviceName": "web", "servicePort": 80, "weight": 80}, {"targetGroupARN": "arn", "weight": 20}]
    text = json.dumps({"type": "forward", "forwardConfig": {"targetGroups": groups}})
    said = rendered("ingress-aws-alb", share(20), alb_ingress(text))["annotations"][f"{ALB}actions.to-web"]
    assert [each["weight"] for each in json.loads(said)["forwardConfig"]["targetGroups"]] == [799, 200, 249]


def test_an_edit_of_a_shared_route_is_kept_and_the_share_taken_out_of_it() -> None:
    wanted = share(30, ANN)
    for router in ("traefik-ingress-route", "apisix-route"):
        (own,) = part(router, MANIFESTS[router])
        edited = rendered(router, wanted)
        edited[1] = edited[1] | {"extra": "by the user"}
        added = own | {"name": "added"}
        assert recovered(router, [*edited, added], wanted) == [own | {"extra": "by the user"}, added], router
    edited = rendered("kuma-mesh-http-route", wanted)
    edited[0]["rules"][1]["default"]["filters"] = [{"type": "URLRewrite"}]
    (to,) = recovered("kuma-mesh-http-route", edited, wanted)
    assert to["rules"] == [KUMA_RULE | {"default": KUMA_RULE["default"] | {"filters": [{"type": "URLRewrite"}]}}]


def test_weights_that_were_edited_are_the_users_own_from_now_on() -> None:
    edited = [*rendered("smi-traffic-split", share(30)), {"service": "other", "weight": 300}]
    found = recovered("smi-traffic-split", edited, share(30))
    assert found == [{"service": "web", "weight": 100}, {"service": "other", "weight": 300}]


def test_an_edit_of_an_albs_ingress_is_kept_and_all_that_is_ours_taken_out_of_it() -> None:
    wanted = share(30, ANN)
    manifest = alb_ingress()
    edited = rendered("ingress-aws-alb", wanted, manifest)
    name = f"{ALB}actions.to-web"
    sticky = json.loads(edited["annotations"][name])
    sticky["forwardConfig"]["targetGroupStickinessConfig"] = {"enabled": True}
    edited["annotations"] |= {name: json.dumps(sticky), f"{ALB}actions.other": "{}"}
    found = recovered("ingress-aws-alb", edited, wanted, manifest)
    assert found["rules"] == manifest["spec"]["rules"]
    assert set(found["annotations"]) == {name, f"{ALB}actions.other"}
    own = json.loads(FORWARD)
    own["forwardConfig"]["targetGroupStickinessConfig"] = {"enabled": True}
    assert json.loads(found["annotations"][name]) == own

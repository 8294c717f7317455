"""What a router has no words for is refused with the request, before anything moves."""

from typing import Any

import pytest

from tidegate_contracts.rollout import GrpcMethod, HeaderChange, HttpMatch, RolloutRequested, Step, StepTraffic
from tidegate_contracts.rollout import TrafficReference as Reference
from tidegate_contracts.routers import Abilities, beyond
from tidegate_contracts.validate import validate
from tidegate_contracts.workload import WorkloadReference

HEADER, OTHER = HttpMatch(headers={"user": "ann"}), HttpMatch(headers_regex={"tenant": "a.*"})
COOKIE = HttpMatch(headers={"canary-by-cookie": "demo"})
SET, TWO = HeaderChange(set={"x-a": "1"}), HeaderChange(set={"x-a": "1", "x-b": "2"})


def refused(*routers: str, **traffic: Any) -> list[str]:
    request = RolloutRequested(
        workload=WorkloadReference(name="web"),
        steps=(Step(replicas=1, traffic=StepTraffic(**traffic)),),
        traffic=tuple(Reference(route="web", service="web", router=router) for router in routers),
    )
    return [each.field.removeprefix("steps[0].traffic.") for each in validate(request, "shop")]


@pytest.mark.parametrize(
    ("router", "traffic", "fields"),
    [
        ("gateway-http-route", {"matches": (HttpMatch(path_regex="/v.", query_regex={"q": "."}),)}, []),
        ("gateway-http-route", {"matches": (HttpMatch(grpc=GrpcMethod(service="a.B")),)}, ["matches[0].grpc"]),
        ("gateway-grpc-route", {"matches": (HttpMatch(grpc=GrpcMethod(method="Get")), HEADER)}, []),
        ("gateway-grpc-route", {"matches": (HttpMatch(path_prefix="/a"),)}, ["matches[0].path_prefix"]),
        ("ingress-nginx", {"weight_percent": 20, "matches": (HEADER, COOKIE)}, []),
        ("ingress-nginx", {"matches": (HEADER, OTHER)}, ["matches[1]"]),
        ("ingress-nginx", {"matches": (HttpMatch(headers={"a": "1", "b": "2"}),)}, ["matches[0]"]),
        ("ingress-nginx", {"matches": (HttpMatch(path_exact="/a"),)}, ["matches[0].path_exact"]),
        (
            "ingress-nginx",
            {"matches": (HttpMatch(headers_regex={"canary-by-cookie": "."}),)},
            ["matches[0].headers_regex"],
        ),
        ("ingress-nginx", {"weight_percent": 5, "request_headers": SET}, ["request_headers.set"]),
        ("ingress-mse", {"matches": (HEADER, HttpMatch(query={"q": "1"})), "request_headers": SET}, []),
        ("ingress-mse", {"weight_percent": 5, "request_headers": TWO}, ["request_headers.set"]),
        (
            "ingress-mse",
            {"weight_percent": 5, "request_headers": HeaderChange(remove=("x-a",))},
            ["request_headers.remove"],
        ),
        ("gateway-http-route", {"mirror_percent": 10}, []),
        (
            "contour-http-proxy",
            {"weight_percent": 5, "request_headers": HeaderChange(add={"a": "b"})},
            ["request_headers.add"],
        ),
        ("istio-virtual-service", {"mirror_percent": 100, "matches": (HEADER, OTHER), "request_headers": SET}, []),
        ("ingress-nginx", {"mirror_percent": 10}, ["mirror_percent"]),
        (
            "ingress-aws-alb",
            {"weight_percent": 5, "matches": (HEADER, HttpMatch(path_exact="/a", query={"q": "1"}))},
            [],
        ),
        ("ingress-aws-alb", {"matches": (OTHER,)}, ["matches[0].headers_regex"]),
        ("ingress-haproxy", {"matches": (HttpMatch(headers={"a": "1"}, headers_regex={"b": "2"}),)}, []),
        ("ingress-haproxy", {"weight_percent": 5, "matches": (HEADER,)}, ["weight_percent"]),
        ("ingress-haproxy", {"matches": (HEADER, OTHER)}, ["matches"]),
        ("traefik-ingress-route", {"weight_percent": 5, "request_headers": SET}, ["request_headers.set"]),
        ("traefik-service", {"matches": (HEADER,)}, ["matches[0].headers"]),
        ("apisix-route", {"matches": (HttpMatch(grpc=GrpcMethod(service="a.B")),)}, ["matches[0].grpc"]),
        ("kuma-mesh-http-route", {"matches": (HttpMatch(path_regex="/a"),)}, ["matches[0].path_regex"]),
        ("smi-traffic-split", {"weight_percent": 5}, []),
        ("somebodys-own", {"matches": (HttpMatch(path_exact="/a"),)}, []),
    ],
    ids=str,
)
def test_each_router_is_asked_for_what_it_can(router: str, traffic: dict[str, Any], fields: list[str]) -> None:
    assert refused(router, **traffic) == fields


def test_several_routers_are_asked_for_what_all_of_them_can() -> None:
    asked = {"matches": (HttpMatch(path_exact="/a"),)}
    assert refused("gateway-http-route", "ingress-nginx", **asked) == ["matches[0].path_exact"]


def test_a_router_without_shares_is_asked_for_none() -> None:
    asked: dict[str, Any] = {"matches": (), "request_headers": None, "field": "traffic"}
    found = beyond("flag", Abilities(shares=False), weight_percent=20, **asked)
    assert [each.field for each in found] == ["traffic.weight_percent"]
    assert list(beyond("flag", Abilities(shares=False), weight_percent=0, **asked)) == []


@pytest.mark.parametrize(
    ("traffic", "fields"),
    [
        ({"matches": (HttpMatch(path_exact="/a", path_prefix="/b"),)}, ["matches[0]"]),
        ({"matches": (HttpMatch(path_exact="a"),)}, ["matches[0].path_exact"]),
        ({"matches": (HttpMatch(path_regex="a"),)}, ["matches[0].path_regex"]),
        ({"matches": (HttpMatch(headers={"User": "a"}, headers_regex={"user": "b"}),)}, ["matches[0].headers"]),
        ({"matches": (HttpMatch(query={"q": "a"}, query_regex={"Q": "b"}),)}, []),
        ({"matches": (HttpMatch(query_regex={"q": ""}),)}, ["matches[0].query_regex.q"]),
        ({"request_headers": HeaderChange()}, ["request_headers"]),
        ({"request_headers": HeaderChange(set={"a b": "1"})}, ["request_headers.set.a b"]),
        ({"request_headers": HeaderChange(add={"a": "1\n"})}, ["request_headers.add.a"]),
        ({"request_headers": HeaderChange(remove=("",))}, ["request_headers.remove."]),
        ({"request_headers": HeaderChange(set={"X-A": "1"}, remove=("x-a",))}, ["request_headers"]),
        (
            {"request_headers": HeaderChange(set={f"x-{number}": "1" for number in range(17)})},
            ["request_headers.set"],
        ),
    ],
    ids=str,
)
def test_what_no_router_could_say_is_refused(traffic: dict[str, Any], fields: list[str]) -> None:
    assert refused("gateway-http-route", weight_percent=5, **traffic) == fields


@pytest.mark.parametrize("method", [GrpcMethod(), GrpcMethod(service="a/b"), GrpcMethod(method="")], ids=str)
def test_a_call_is_named_as_it_is_called(method: GrpcMethod) -> None:
    (found,) = refused("gateway-grpc-route", matches=(HttpMatch(grpc=method),))
    assert found.startswith("matches[0].grpc")

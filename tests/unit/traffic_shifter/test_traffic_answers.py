"""What gateways and EndpointSlices say."""

from typing import Any

import msgspec
import pytest

from tidegate_traffic_shifter.acceptance import objection, objection_by
from tidegate_traffic_shifter.endpoints import Endpoints, endpoints_of
from tidegate_traffic_shifter.outcome import Pending, Refused, Repair, Settled, repairs, worst
from tidegate_traffic_shifter.problems import late
from tidegate_traffic_shifter.seen import EndpointSlice, Route, Service


def condition(kind: str, status: str = "True", generation: int = 4) -> dict[str, Any]:
    return {"type": kind, "status": status, "observedGeneration": generation, "message": f"{kind} said so"}


def parent(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"parentRef": {"name": "gate"}, "conditions": list(conditions)}


ACCEPTED = parent(condition("Accepted"), condition("ResolvedRefs"))


@pytest.mark.parametrize(
    ("parents", "said"),
    [
        (None, "no gateway"),
        ([], "no gateway"),
        ([parent()], "has not answered"),
        ([{"parentRef": {"name": "gate"}, "conditions": None}], "has not answered"),
        ([parent(condition("Accepted"))], "has not answered"),
        ([parent(condition("Accepted", generation=3), condition("ResolvedRefs"))], "has not answered"),
        ([parent(condition("Accepted"), condition("ResolvedRefs", "False"))], "ResolvedRefs said so"),
        ([ACCEPTED, parent(condition("Accepted", "False"), condition("ResolvedRefs"))], "Accepted said so"),
        ([parent(condition("Accepted", "Unknown"), condition("ResolvedRefs"))], "Unknown"),
    ],
    ids=str,
)
def test_a_route_is_not_accepted_unless_every_gateway_says_so_for_this_generation(parents: Any, said: str) -> None:
    route = msgspec.convert({"metadata": {"generation": 4}, "status": {"parents": parents}}, Route)
    assert said in (objection(route) or "nothing")


def test_a_route_that_every_gateway_took_is_accepted() -> None:
    route = msgspec.convert({"metadata": {"generation": 4}, "status": {"parents": [ACCEPTED, ACCEPTED]}}, Route)
    assert objection(route) is None


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (None, "APISIX has not answered for the route"),
        ([], "APISIX has not answered for the route"),
        ([condition("ResourcesAvailable", generation=3)], "APISIX has not answered for generation 4"),
        ([condition("ResourcesAvailable", "False")], "ResourcesAvailable said so"),
        ([condition("Accepted"), condition("Other", "Unknown")], "Unknown"),
        ([condition("ResourcesAvailable")], "nothing"),
    ],
    ids=str,
)
def test_a_route_of_one_controller_is_taken_once_all_that_it_says_is_true(conditions: Any, said: str) -> None:
    route = msgspec.convert({"metadata": {"generation": 4}, "status": {"conditions": conditions}}, Route)
    assert said in (objection_by("APISIX", route) or "nothing")


def endpoint_slice(owner: str, *endpoints: dict[str, Any]) -> EndpointSlice:
    owners = [{"uid": owner, "kind": "Service", "name": "web", "controller": True}]
    body = {"metadata": {"ownerReferences": owners}, "endpoints": list(endpoints) or None}
    return msgspec.convert(body, EndpointSlice)


def endpoint(uid: str, *, ready: bool, terminating: bool = False) -> dict[str, Any]:
    conditions = {"ready": ready, "terminating": terminating}
    return {"addresses": [f"10.244.0.{len(uid)}"], "conditions": conditions, "targetRef": {"uid": uid}}


def test_endpoints_of_an_earlier_namesake_and_those_on_their_way_out_do_not_count() -> None:
    service = msgspec.convert({"metadata": {"uid": "now"}}, Service)
    slices = [
        endpoint_slice("now", endpoint("a", ready=True), endpoint("b", ready=False)),
        endpoint_slice("now", endpoint("c", ready=True), endpoint("d", ready=False, terminating=True)),
        endpoint_slice("now"),
        endpoint_slice("before", endpoint("e", ready=True)),
    ]
    assert endpoints_of(service, slices) == Endpoints(frozenset("ac"), frozenset("b"))


def test_the_worst_outcome_counts_and_every_repair_is_told() -> None:
    repair = Repair("the rules", "kubectl-edit")
    refused = Refused(late("x", 1.0))
    assert worst([Settled(), Settled(repair)]) == Settled()
    assert worst([Settled(), Pending("wait", repair=repair)]) == Pending("wait", repair=repair)
    assert worst([Pending("wait"), refused, Settled()]) is refused
    assert repairs([Settled(repair), Pending("wait", repair=repair), refused, Settled()]) == [repair, repair]

"""Somebody else edits, deletes or owns what the traffic-shifter works on."""

import asyncio

import pytest
from support.asking import until_answered
from support.traffic import CLOCK, HASH, TrafficRig, service
from support.until import until

from tidegate_chassis.kubernetes.resources import HTTP_ROUTES, SERVICES
from tidegate_chassis.standing_orders import OrderLost
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficRepaired, TrafficShifted
from tidegate_contracts.rollout import HttpMatch, TrafficReference
from tidegate_traffic_shifter import marks, problems
from tidegate_traffic_shifter.holder import TrafficHolder
from tidegate_traffic_shifter.outcome import Refused
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.services import Services

pytestmark = pytest.mark.sandbox


async def test_an_edited_rule_keeps_the_edit_and_gets_the_share_back(rig: TrafficRig) -> None:
    await rig.create()
    await rig.obey(rig.shift(30), TrafficShifted)
    rules = await rig.rules()
    rules[0]["timeouts"] = {"request": "7s"}
    await rig.edit(HTTP_ROUTES, {"spec": {"rules": rules}})
    await asyncio.sleep(0.2)
    assert await rig.weights() == {"web": 70, "web-canary": 30}, "an edit beside our part needs no repair of it"
    assert not rig.facts(TrafficRepaired)

    await rig.obey(rig.release(), TrafficReleased)
    (rule,) = await rig.rules()
    assert rule["timeouts"] == {"request": "7s"}
    assert await rig.weights() == {"web": 1}


async def test_a_route_replaced_under_us_gets_the_share_back_and_who_did_it_is_told(rig: TrafficRig) -> None:
    await rig.create()
    await rig.obey(rig.shift(30), TrafficShifted)
    async with rig.loaded():
        replaced = [{"backendRefs": [{"name": "web", "port": 80, "weight": 9}], "timeouts": {"request": "9s"}}]
        await rig.edit(HTTP_ROUTES, {"spec": {"rules": replaced}})
        repaired = await rig.fact(TrafficRepaired)
        assert repaired.by == "a-user"
        await until(lambda: rig.seen_weights == {"web": 70, "web-canary": 30})
        await rig.settle()
    await rig.obey(rig.release(), TrafficReleased)
    (rule,) = await rig.rules()
    assert rule["timeouts"] == {"request": "9s"}
    assert await rig.weights() == {"web": 9}


async def test_a_selector_edited_under_us_is_pinned_again_and_the_edit_stays(rig: TrafficRig) -> None:
    await rig.create()
    await rig.obey(rig.shift(0, canary=None), TrafficShifted)
    await rig.edit(SERVICES, {"spec": {"selector": {HASH: None, "tier": None}}})
    assert (await rig.fact(TrafficRepaired)).by == "a-user"
    assert (await rig.read(SERVICES))["spec"]["selector"] == {"app": "web", HASH: rig.revisions["v1"]}
    await rig.obey(rig.release(), TrafficReleased)
    assert (await rig.read(SERVICES))["spec"]["selector"] == {"app": "web"}


async def test_a_deleted_canary_service_is_made_again(rig: TrafficRig) -> None:
    await rig.create()
    await rig.obey(rig.shift(30), TrafficShifted)
    found = await rig.read(SERVICES, "web-canary")
    await rig.admin.delete(SERVICES, rig.namespace, "web-canary", uid=found["metadata"]["uid"])
    for _ in range(100):
        if await rig.exists(SERVICES, "web-canary"):
            break
        await asyncio.sleep(0.05)
    again = await rig.read(SERVICES, "web-canary")
    assert again["metadata"]["uid"] != found["metadata"]["uid"]
    assert again["spec"]["selector"] == found["spec"]["selector"]


async def test_the_canary_service_is_spoken_to_as_the_users_own_and_has_ready_pods_only(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    h2c = {"example.com/upstream-protocol": "h2c"}
    labels = {"team": "shop", "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "web"}
    affinity = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}
    unsafe = {"publishNotReadyAddresses": True, "internalTrafficPolicy": "Local"}
    metadata = {"labels": labels, "annotations": h2c | {"meta.helm.sh/release-name": "web"}}
    await rig.edit(SERVICES, {"metadata": metadata, "spec": affinity | unsafe | {"type": "LoadBalancer"}})

    await rig.obey(rig.shift(30), TrafficShifted)

    canary = await rig.read(SERVICES, "web-canary")
    assert canary["metadata"]["labels"] == {"team": "shop", marks.MANAGED_BY: marks.MANAGER}
    assert canary["metadata"]["annotations"].items() >= h2c.items()
    assert "meta.helm.sh/release-name" not in canary["metadata"]["annotations"]
    assert canary["spec"].items() >= affinity.items()
    assert (canary["spec"]["type"], canary["spec"]["internalTrafficPolicy"]) == ("ClusterIP", "Cluster")
    assert "publishNotReadyAddresses" not in canary["spec"]
    await rig.edit(SERVICES, {"metadata": {"labels": {"team": None}, "annotations": {next(iter(h2c)): None}}})
    version = (await rig.read(SERVICES, "web-canary"))["metadata"]["resourceVersion"]
    await rig.obey(rig.shift(50), TrafficShifted)
    assert (await rig.read(SERVICES, "web-canary"))["metadata"]["resourceVersion"] == version, "not fought about"


@pytest.mark.parametrize(
    ("reference", "field", "value"),
    [
        (TrafficReference(route="none", service="web"), "traffic.route", "none"),
        (TrafficReference(route="web", service="none"), "traffic.service", "none"),
        (TrafficReference(route="web", service="other"), "traffic.service", "other"),
        (TrafficReference(route="web", service="bare"), "traffic.service", "bare"),
        (TrafficReference(route="web", service="web", canary_service="other"), "traffic.canary_service", "other"),
        (TrafficReference(route="web", service="web", router="magic"), "traffic.router", "magic"),
    ],
    ids=["no route", "no service", "not routed", "no selector", "name taken", "unknown router"],
)
async def test_what_cant_be_is_refused_with_a_remedy_and_nothing_is_written_not_even_beside_it(
    rig: TrafficRig, reference: TrafficReference, field: str, value: str
) -> None:
    await rig.create(v1=1, v2=1)
    await rig.admin.create(SERVICES, rig.namespace, service("other"))
    bare = service("bare")
    del bare["spec"]["selector"]
    await rig.admin.create(SERVICES, rig.namespace, bare)
    before = await rig.user_made()
    good = TrafficReference(route="web", service="web")

    refused = await rig.obey(rig.shift(50, traffic=(good, reference)), TrafficRefused)

    assert (refused.problem.field, refused.problem.value) == (field, value)
    assert refused.problem.remedy
    assert await rig.user_made() == before
    assert not await rig.exists(SERVICES, "web-canary")
    await rig.obey(rig.release(traffic=(good, reference)), TrafficReleased)


@pytest.mark.parametrize("gone", ["plugin", "kind"])
async def test_a_router_that_is_gone_at_the_end_leaves_no_service_held(
    rig: TrafficRig, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.create(v1=1, v2=1)
    before = await rig.user_made()
    await rig.obey(rig.shift(30), TrafficShifted)
    shared = await rig.rules()

    async def unserved(place: Place) -> Refused:
        return Refused(problems.not_served(place, HTTP_ROUTES.kind, HTTP_ROUTES.api_version))

    monkeypatch.setattr(rig.routers[rig.router], "unserved", unserved)
    routers = {name: router for name, router in rig.routers.items() if gone == "kind" or name != rig.router}
    rig.holder = TrafficHolder(rig.cluster, Services(rig.cluster), routers, rig.notes, CLOCK)
    refused = await rig.obey(rig.shift(40), TrafficRefused)
    assert refused.problem.field == "traffic.router"
    await rig.obey(rig.release(), TrafficReleased)

    assert (await rig.user_made())[1] == before[1], "the Service is the user's own again"
    assert not await rig.exists(SERVICES, "web-canary")
    assert await rig.rules() == shared, "nobody knows how to give it back"


async def test_matches_that_no_rule_leaves_room_for_are_refused(rig: TrafficRig) -> None:
    path = [{"path": {"type": "PathPrefix", "value": "/shop"}}]
    await rig.create(rules=[{"matches": path, "backendRefs": [{"name": "web", "port": 80}]}], v1=1, v2=1)
    refused = await rig.obey(rig.shift(0, matches=(HttpMatch(path_prefix="/api"),)), TrafficRefused)
    assert refused.problem.field == "traffic.matches"


async def test_a_share_that_another_tool_left_in_the_route_is_refused(rig: TrafficRig) -> None:
    backends = [{"name": "web", "port": 80, "weight": 80}, {"name": "web-canary", "port": 80, "weight": 20}]
    await rig.create(rules=[{"backendRefs": backends}], v1=1, v2=1)
    before = await rig.user_made()
    refused = await rig.obey(rig.shift(0), TrafficRefused)
    assert (refused.problem.field, refused.problem.value) == ("traffic.canary_service", "web-canary")
    assert await rig.user_made() == before


async def test_a_route_that_another_rollout_holds_is_left_alone(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    held = {marks.HELD_FOR: "deployment.apps/other", marks.ORDER_REVISION: "1"}
    await rig.edit(HTTP_ROUTES, {"metadata": {"annotations": held}})
    before = await rig.user_made()

    refused = await rig.obey(rig.shift(50), TrafficRefused)
    assert "deployment.apps/other" in refused.problem.remedy
    await rig.obey(rig.release(), TrafficReleased)
    assert await rig.user_made() == before


async def test_a_copy_with_an_older_order_than_the_routes_mark_writes_nothing(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    stale = rig.shift(80)
    await rig.obey(rig.shift(20), TrafficShifted)
    before = await rig.read(HTTP_ROUTES)
    await rig.give(stale)
    assert rig.task is not None
    with pytest.raises(OrderLost):
        await asyncio.wait_for(asyncio.shield(rig.task), 5.0)
    assert await rig.read(HTTP_ROUTES) == before
    rig.task = None


async def test_a_share_waits_for_endpoints_and_is_refused_late_and_still_comes(rig: TrafficRig) -> None:
    await rig.create(v1=2, v2=1)
    await rig.scale("v2", 0)
    refused = await rig.obey(rig.shift(50, deadline_s=0.5), TrafficRefused)
    assert "no ready endpoint" in refused.problem.value
    assert await rig.weights() == {"web": 1}
    await rig.scale("v2", 1)
    await rig.fact(TrafficShifted)
    assert await rig.weights() == {"web": 50, "web-canary": 50}


async def test_a_share_waits_for_the_endpoints_that_carry_it_and_is_refused_late_and_still_comes(
    rig: TrafficRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_traffic_shifter.shift.ALL_THERE_WAIT_S", 0.5)
    await rig.create(v1=4, v2=1)
    await rig.obey(rig.shift(0, canary=None), TrafficShifted)
    refused = await rig.obey(rig.shift(50, canary_pods=3, deadline_s=1.5), TrafficRefused)
    assert refused.problem.value == "Service web-canary has 1 ready endpoints, and 50 % of the requests need 2"
    assert await rig.weights() == {"web": 1}
    await rig.scale("v2", 2)
    await rig.fact(TrafficShifted)
    assert await rig.weights() == {"web": 50, "web-canary": 50}


async def test_a_new_version_that_loses_all_its_pods_gets_no_request_until_it_has_some_again(rig: TrafficRig) -> None:
    await rig.create(v1=2, v2=2)
    await rig.obey(rig.shift(50), TrafficShifted)
    await rig.scale("v2", 0)
    await until(lambda: rig.seen_weights == {"web": 100, "web-canary": 0}, what="the share's withdrawal")
    await until_answered(rig, rig.host, "v1")
    assert await rig.measure() == {"v1": 100.0}
    await rig.scale("v2", 2)
    await until(lambda: rig.seen_weights == {"web": 50, "web-canary": 50}, what="the share's return")
    assert set(await rig.measure()) == {"v1", "v2"}


async def test_a_refusal_is_taken_back_when_what_was_missing_appears(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    await rig.delete(HTTP_ROUTES)
    await rig.obey(rig.shift(50), TrafficRefused)
    await rig.create_route()
    await rig.fact(TrafficShifted)
    assert await rig.weights() == {"web": 50, "web-canary": 50}


async def test_release_ends_though_route_and_services_are_gone(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    await rig.obey(rig.shift(50), TrafficShifted)
    await rig.drop()
    await rig.delete(HTTP_ROUTES)
    await rig.delete(SERVICES)
    await rig.obey(rig.release(), TrafficReleased)
    assert not await rig.exists(SERVICES, "web-canary")


async def test_marks_that_vanish_are_not_taken_for_a_route_that_nobody_holds(
    rig: TrafficRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_traffic_shifter.fence.UNMARKED_WAIT_S", 1.0)
    await rig.create(v1=1, v2=1)
    await rig.obey(rig.shift(50), TrafficShifted)
    rules = [{"backendRefs": [{"name": "web", "port": 80, "weight": 1}]}]
    await rig.edit(HTTP_ROUTES, {"metadata": {"annotations": marks.removal()}, "spec": {"rules": rules}})
    await asyncio.sleep(0.6)
    assert await rig.weights() == {"web": 1}, "a newer order's release may have done this: wait for our lease to tell"
    await until(lambda: rig.seen_weights == {"web": 50, "web-canary": 50})

"""Real requests through the proxy while their shares change: none is lost, and the proxy does as it was told."""

import asyncio
import random
import time

import pytest
from support.precision import SAMPLE
from support.steady_load import BOTH, plan
from support.traffic import BOTH_ROUTES, HASH, TrafficRig

from tidegate_chassis.kubernetes.resources import HTTP_ROUTES, SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_contracts.rollout import HttpMatch
from tidegate_sandbox.load.run import LoadRun

pytestmark = pytest.mark.sandbox

RATE_PER_S = 62.5
"""Of each of eight loads."""


@pytest.mark.parametrize("router", ["gateway-http-route", "contour-http-proxy"])
async def test_a_whole_rollouts_traffic_loses_no_request_and_leaves_no_trace(rig: TrafficRig, router: str) -> None:
    rig.router = router
    await rig.create()
    before = await rig.user_made()
    async with rig.loaded():
        await rig.obey(rig.shift(0, canary=None), TrafficShifted)
        assert (await rig.read(SERVICES))["spec"]["selector"][HASH] == rig.revisions["v1"]
        for weight_percent in (20, 50, 100):
            await rig.obey(rig.shift(weight_percent, lowering=weight_percent == 100), TrafficShifted)
            share = await rig.measure()
            assert share.get("v2", 0.0) == pytest.approx(weight_percent, abs=8.0)
        assert HASH not in (await rig.read(SERVICES))["spec"]["selector"], "its last pods may go"
        await rig.scale("v1", 0)
        await rig.obey(rig.release(), TrafficReleased)
        waited = {each.waiting_for for each in rig.notes.telemetry}
        assert "proxies learn who stands behind the stable Service" in waited, "nobody stood behind it"
    assert await rig.user_made() == before
    assert not await rig.exists(SERVICES, "web-canary")


async def test_a_bad_version_gets_no_request_within_a_second(rig: TrafficRig) -> None:
    await rig.create()
    before = await rig.user_made()
    async with rig.loaded():
        await rig.obey(rig.shift(0, canary=None), TrafficShifted)
        await rig.obey(rig.shift(50), TrafficShifted)
        ordered_at_s = time.time()
        order = rig.shift(0, lowering=True)
        shifted = await rig.obey(order, TrafficShifted)
        assert shifted.accepted_at_s - ordered_at_s < 1.0
        assert shifted.at_s - shifted.accepted_at_s >= order.traffic[0].grace_s - 0.05, "the grace period"
        assert await rig.measure() == {"v1": 100.0}
        await rig.obey(rig.release(), TrafficReleased)
    assert await rig.user_made() == before


async def test_matching_requests_reach_the_new_version_and_only_they(rig: TrafficRig) -> None:
    await rig.create()
    await rig.obey(rig.shift(0, matches=(HttpMatch(path_prefix="/beta"),)), TrafficShifted)
    assert await rig.measure(path="/beta/x") == {"v2": 100.0}
    assert await rig.measure(path="/betamax") == {"v1": 100.0}
    await rig.obey(rig.release(), TrafficReleased)
    assert set(await rig.measure()) == {"v1", "v2"}, "the user's own Service selects both again"


@pytest.mark.thorough
@pytest.mark.timeout(240)
async def test_matches_are_exact_over_as_many_requests_as_the_promise_of_shares_is_about(rig: TrafficRig) -> None:
    await rig.create()
    hosts = (rig.host, await rig.create_proxy())
    await rig.obey(rig.shift(0, canary=None, traffic=BOTH_ROUTES), TrafficShifted)
    matches = (HttpMatch(path_prefix="/beta"),)
    await rig.obey(rig.shift(0, matches=matches, traffic=BOTH_ROUTES), TrafficShifted)
    sides = {"/beta/x": "v2", "/betamax": "v1"}
    plans = [
        (version, plan(rig.door_url + path, host, RATE_PER_S, http, SAMPLE / len(BOTH) / len(hosts) / RATE_PER_S))
        for path, version in sides.items()
        for host in hosts
        for http in BOTH
    ]
    summaries = await asyncio.gather(*(LoadRun(each).run() for _, each in plans))
    for (version, _), found in zip(plans, summaries, strict=True):
        assert not found.lost
        assert {name: each.ok for name, each in found.versions.items()} == {version: found.finished}
    assert sum(found.finished for found in summaries) == len(sides) * SAMPLE
    await rig.obey(rig.release(traffic=BOTH_ROUTES), TrafficReleased)


async def test_a_copy_that_dies_anywhere_is_followed_by_one_that_finishes_and_no_request_is_lost(
    rig: TrafficRig,
) -> None:
    await rig.create()
    before = await rig.user_made()
    dice = random.Random(3)
    orders = [
        rig.order_shift(0, canary=None),
        rig.order_shift(40),
        rig.order_shift(100, lowering=True),
        rig.order_release(),
    ]
    async with rig.loaded():
        for make, kind in zip(orders, (*[TrafficShifted] * 3, TrafficReleased), strict=True):
            order = make()
            for _ in range(4):
                await rig.give(order)
                await asyncio.sleep(dice.uniform(0.0, 0.25))
                await rig.drop()
            await rig.obey(order, kind)
    assert await rig.user_made() == before
    assert not await rig.exists(SERVICES, "web-canary")


async def test_a_superseding_rollout_starts_from_the_users_own_route(rig: TrafficRig) -> None:
    await rig.create()
    before = await rig.read(HTTP_ROUTES)
    async with rig.loaded():
        await rig.obey(rig.shift(0, canary=None), TrafficShifted)
        await rig.obey(rig.shift(50), TrafficShifted)
        await rig.obey(rig.shift(0, canary=None, lowering=True), TrafficShifted)
        assert (await rig.read(HTTP_ROUTES))["spec"] == before["spec"]
        assert not await rig.exists(SERVICES, "web-canary")
        await rig.run_pods("v3", 2)
        await rig.obey(rig.shift(50, canary="v3"), TrafficShifted)
        assert set(await rig.measure()) == {"v1", "v3"}
        await rig.obey(rig.release(), TrafficReleased)


async def test_another_revision_on_a_live_share_gets_a_service_of_its_own_first(rig: TrafficRig) -> None:
    await rig.create()
    await rig.run_pods("v3", 2)
    async with rig.loaded():
        await rig.obey(rig.shift(50), TrafficShifted)
        await rig.obey(rig.shift(50, canary="v3"), TrafficShifted)
        assert set(await rig.measure()) == {"v1", "v3"}

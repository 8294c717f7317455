"""500 requests a second through an HTTPRoute and an HTTPProxy, by HTTP/1.1 and HTTP/2: pods move and none is lost.

Half of the requests are HTTP/2; some of either come on a connection of their own. The test plays the orchestrator: it
gives its orders and moves the pods when these are answered. The same run in another order loses requests, so that it
would be seen. What is killed meanwhile is in `test_shifter_processes`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.disorder import never, routes_first
from support.precision import assert_share
from support.steady_load import SteadyLoad
from support.traffic import BOTH_ROUTES, GRACE_S, QUICK, TrafficRig
from support.until import until

from tidegate_chassis.kubernetes.resources import SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_traffic_shifter.release import Release
from tidegate_traffic_shifter.shift import Shift

pytestmark = [pytest.mark.sandbox, pytest.mark.alone]

RATE_PER_S = 250.0
"""Through each of the two."""

PODS = 4
SHARE_PERCENT = 20
SLOW = "ready-1.5_drain-3_latency-100"
"""Pods that start slowly, answer slowly and go on serving for a while when they are told to stop."""


@asynccontextmanager
async def two_routes(rig: TrafficRig, *, lossless: bool = True, behaviour: str = QUICK) -> AsyncIterator[SteadyLoad]:
    """Both kinds of routes to one Service, and their requests all the while."""
    await rig.create(v1=PODS, v2=PODS, behaviour=behaviour)
    hosts = (rig.host, await rig.create_proxy())
    await rig.obey(rig.shift(0, canary=None, traffic=BOTH_ROUTES), TrafficShifted)
    async with rig.loaded(RATE_PER_S, hosts=hosts, lossless=lossless) as load:
        yield load


async def shift(rig: TrafficRig, weight_percent: int, *, lowering: bool = False) -> None:
    order = rig.shift(weight_percent, lowering=lowering, canary_pods=PODS, traffic=BOTH_ROUTES)
    await rig.obey(order, TrafficShifted, within_s=20.0)


async def release(rig: TrafficRig) -> None:
    await rig.obey(rig.release(traffic=BOTH_ROUTES), TrafficReleased, within_s=20.0)
    assert not await rig.exists(SERVICES, "web-canary")


async def test_forward_back_and_out_lose_nothing_and_a_share_is_as_precise_as_promised(rig: TrafficRig) -> None:
    async with two_routes(rig) as load:
        await shift(rig, SHARE_PERCENT)
        await asyncio.sleep(GRACE_S)  # answers that were on their way
        await assert_share(load, SHARE_PERCENT)
        await shift(rig, 100, lowering=True)
        await rig.scale("v1", 0)
        await release(rig)  # forward: nobody stood behind the stable Service
        await rig.scale("v1", PODS)
        await shift(rig, 0)
        await shift(rig, 50)
        await shift(rig, 0, lowering=True)
        await rig.scale("v2", 0)
        await release(rig)  # back: the stable pods were there all the while
        await rig.scale("v2", PODS)
        await shift(rig, 50)
        await shift(rig, 0, lowering=True)
        await release(rig)  # out: the routes before the pods
        await rig.scale("v2", 0)


async def test_pods_that_come_and_go_slowly_while_a_step_stands_and_a_cancelled_shift_lose_nothing(
    rig: TrafficRig,
) -> None:
    async with two_routes(rig, behaviour=SLOW):
        await shift(rig, 50)
        await asyncio.gather(rig.scale("v1", PODS + 2), rig.scale("v2", PODS + 2))
        await asyncio.gather(rig.scale("v1", PODS - 1), rig.scale("v2", PODS - 2))
        await rig.give(rig.shift(80, canary_pods=PODS - 2, traffic=BOTH_ROUTES))
        await asyncio.sleep(GRACE_S / 2)  # anywhere on its way
        await shift(rig, 0, lowering=True)  # cancelled
        await rig.scale("v2", 0)
        await release(rig)


async def test_another_order_of_things_would_be_seen(rig: TrafficRig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_routes(rig, lossless=False) as load:
        await shift(rig, SHARE_PERCENT)
        assert load.lost == 0
        await rig.scale("v1", 0)
        await until(load.lost_by_all, within_s=5.0, what="a loss of every kind where pods go before their traffic")
        monkeypatch.setattr(Shift, "_open", never)
        await shift(rig, 100, lowering=True)
        before = load.lost
        await asyncio.sleep(GRACE_S)
        assert load.lost == before, "with the traffic where the pods are, nothing is lost any more"
        monkeypatch.setattr(Release, "look", routes_first)
        await release(rig)
        assert load.lost > before, "routes that go back before their Service lose requests"

"""500 requests a second, kept and new connections, through an HTTPRoute and an HTTPProxy: pods move and none is lost.

The test plays the orchestrator: it gives its orders and moves the pods when these are answered. The same run in another
order loses requests, so that it would be seen.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.precision import assert_share
from support.traffic import GRACE_S, TrafficRig, http_proxy
from support.until import until

from tidegate_chassis.kubernetes.resources import HTTP_PROXIES, SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_contracts.rollout import TrafficReference
from tidegate_sandbox.load.run import LoadRun
from tidegate_traffic_shifter.outcome import Outcome, Settled, worst
from tidegate_traffic_shifter.release import Release
from tidegate_traffic_shifter.shift import Shift

pytestmark = [pytest.mark.sandbox, pytest.mark.alone]

RATE_PER_S = 250.0
"""Through each of the two."""

PODS = 4
SHARE_PERCENT = 20
BOTH = tuple(
    TrafficReference(route="web", service="web", router=router, grace_s=GRACE_S)
    for router in ("gateway-http-route", "contour-http-proxy")
)


@asynccontextmanager
async def two_routes(rig: TrafficRig, *, lossless: bool = True) -> AsyncIterator[tuple[LoadRun, LoadRun]]:
    """Both kinds of routes to one Service, and their requests all the while."""
    other = f"proxy-{rig.host}"
    await rig.create(v1=PODS, v2=PODS)
    await rig.admin.create(HTTP_PROXIES, rig.namespace, http_proxy(other))
    await rig.obey(rig.shift(0, canary=None, traffic=BOTH), TrafficShifted)
    async with (
        rig.loaded(RATE_PER_S, lossless=lossless) as one,
        rig.loaded(RATE_PER_S, host=other, lossless=lossless) as two,
    ):
        yield one, two


async def shift(rig: TrafficRig, weight_percent: int, *, lowering: bool = False) -> None:
    order = rig.shift(weight_percent, lowering=lowering, canary_pods=PODS, traffic=BOTH)
    await rig.obey(order, TrafficShifted, within_s=20.0)


async def release(rig: TrafficRig) -> None:
    await rig.obey(rig.release(traffic=BOTH), TrafficReleased, within_s=20.0)
    assert not await rig.exists(SERVICES, "web-canary")


async def test_forward_back_and_out_lose_nothing_and_a_share_is_as_precise_as_promised(rig: TrafficRig) -> None:
    async with two_routes(rig) as runs:
        await shift(rig, SHARE_PERCENT)
        await asyncio.sleep(GRACE_S)  # answers that were on their way
        await assert_share(runs, SHARE_PERCENT)
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


async def never(shift: Shift) -> list[Outcome]:
    """The stable Service is left without pods."""
    del shift
    return []


async def routes_first(release: Release) -> list[Outcome]:
    """The routes go back before anybody stands behind the stable Service."""
    cleared = await release._clearing.look(list(release._places))
    if not isinstance(worst(cleared), Settled):
        return cleared
    fence, label = release._fence, release._label
    return [await release._services.unpin(place, label, fence) for place in release._places]


async def test_another_order_of_things_would_be_seen(rig: TrafficRig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_routes(rig, lossless=False) as runs:

        def lost() -> int:
            return sum(run.totals.lost_total for run in runs)

        await shift(rig, SHARE_PERCENT)
        assert lost() == 0
        await rig.scale("v1", 0)
        await until(lambda: lost() > 0, within_s=5.0, what="a loss where pods go before their traffic")
        monkeypatch.setattr(Shift, "_open", never)
        await shift(rig, 100, lowering=True)
        before = lost()
        await asyncio.sleep(GRACE_S)
        assert lost() == before, "with the traffic where the pods are, nothing is lost any more"
        monkeypatch.setattr(Release, "look", routes_first)
        await release(rig)
        assert lost() > before, "routes that go back before their Service lose requests"

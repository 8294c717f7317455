"""Real requests through Traefik: by IngressRoutes, TraefikServices, and Ingresses with annotations of ingress-nginx.

The test plays the orchestrator: it gives its orders and moves the pods when these are answered. One order is for the
three kinds of routes at once.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from support.asking import ANSWERS_WITHIN_S, ROOT, Asked, assert_sides, every_match, until_answered, until_shared
from support.precision import SAMPLE, assert_share
from support.steady_load import SteadyLoad
from support.traefik import GRACE_S, RESOURCES, create, host, references, sends_to, user_made
from support.traffic import QUICK, TrafficRig
from support.until import POLL_PERIOD_S, until

from tidegate_chassis.kubernetes.resources import INGRESSES, PODS, SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_contracts.rollout import HttpMatch

pytestmark = [pytest.mark.sandbox, pytest.mark.thorough, pytest.mark.timeout(240)]

RATE_PER_S = 170.0
"""Through each of the three."""

REPLICAS = 4
SHARE_PERCENT = 20
DRAINING = f"{QUICK}_drain-{GRACE_S + 1.0}"
"""Pods that go on serving for as long as Traefik may not know that they are going, as any behind it must."""

ALL = references(*RESOURCES)


async def end(rig: TrafficRig, version: str) -> None:
    """All of the version's pods, until they have ended and Traefik knows."""
    found = await rig.admin.list_all(PODS, rig.namespace, label_selector=f"version={version}")
    addresses = [json.loads(bytes(each))["status"]["podIP"] for each in found.items]
    await rig.scale(version, 0)
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while await sends_to(rig, addresses):  # noqa: ASYNC110
            await asyncio.sleep(POLL_PERIOD_S)


@asynccontextmanager
async def loaded(rig: TrafficRig, *, lossless: bool = True) -> AsyncIterator[list[SteadyLoad]]:
    """Requests by all kinds of routes all the while."""
    await rig.obey(rig.shift(0, canary=None, traffic=ALL), TrafficShifted)
    for router in RESOURCES:
        await until_answered(rig, host(rig, router), "v1")
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(rig.loaded(RATE_PER_S, hosts=(host(rig, router),), lossless=lossless))
            for router in RESOURCES
        ]


async def shift(rig: TrafficRig, weight_percent: int, *, lowering: bool = False, grace_s: float = GRACE_S) -> None:
    traffic = references(*RESOURCES, grace_s=grace_s)
    order = rig.shift(weight_percent, lowering=lowering, canary_pods=REPLICAS, traffic=traffic)
    await rig.obey(order, TrafficShifted, within_s=20.0)


async def release(rig: TrafficRig) -> None:
    await rig.obey(rig.release(traffic=ALL), TrafficReleased, within_s=20.0)
    assert not await rig.exists(SERVICES, "web-canary")
    assert not await rig.exists(INGRESSES, "web-canary")


async def test_forward_back_and_out_lose_nothing_and_a_share_is_as_precise_as_promised(rig: TrafficRig) -> None:
    await create(rig, v1=REPLICAS, v2=REPLICAS, behaviour=DRAINING)
    before = await user_made(rig)
    async with loaded(rig) as runs:
        await shift(rig, SHARE_PERCENT)
        await until_shared(runs)
        part = SAMPLE // len(runs)
        await asyncio.gather(*(assert_share(run, SHARE_PERCENT, sample_size=part) for run in runs))
        await rig.scale("v1", REPLICAS - 1)  # stable pods make room while they have most of the traffic
        await shift(rig, 100, lowering=True)
        await rig.scale("v1", 0)
        await release(rig)  # forward: nobody stood behind the stable Service
        await rig.scale("v1", REPLICAS)
        await shift(rig, 0)
        await shift(rig, 50)
        await shift(rig, 0, lowering=True)
        await end(rig, "v2")  # and nobody behind the canary Service, while the routes are still held
        await release(rig)  # back: the stable pods were there all the while
        await rig.scale("v2", REPLICAS)
        await shift(rig, 50)
        await shift(rig, 0, lowering=True)
        await release(rig)  # out: the routes before the pods
        await end(rig, "v2")
    assert await user_made(rig) == before


MATCHES, MATCHED, NOT_MATCHED = every_match("user")
BY_COOKIE = Asked(headers={"cookie": "a=b; tester=always"})


async def test_matches_are_exact_on_both_sides(rig: TrafficRig) -> None:
    await create(rig, v1=1, v2=1)
    before = await user_made(rig)
    by_route, by_annotations = (
        references("traefik-ingress-route", grace_s=0.5),
        references("ingress-nginx", grace_s=0.5),
    )
    await rig.obey(rig.shift(0, canary=None, traffic=(*by_route, *by_annotations)), TrafficShifted)
    for router in ("traefik-ingress-route", "ingress-nginx"):
        await until_answered(rig, host(rig, router), "v1")
    await rig.obey(rig.shift(0, matches=MATCHES, traffic=by_route), TrafficShifted)
    await assert_sides(rig, host(rig, "traefik-ingress-route"), MATCHED, NOT_MATCHED)
    # Without a release between the orders, so that the Service stays pinned to the stable pods.
    by_header_or_cookie = (HttpMatch(headers={"user": "ann"}), HttpMatch(headers={"canary-by-cookie": "tester"}))
    await rig.obey(rig.shift(0, matches=by_header_or_cookie, traffic=by_annotations), TrafficShifted)
    others = tuple(Asked(headers={"cookie": f"tester={said}"}) for said in ("never", "1", "alwayss"))
    await assert_sides(rig, host(rig, "ingress-nginx"), (MATCHED[0], BY_COOKIE), (ROOT, *others, MATCHED[1]))
    by_pattern = (HttpMatch(headers_regex={"user": "^b.*$"}),)
    await rig.obey(rig.shift(0, matches=by_pattern, traffic=by_annotations), TrafficShifted)
    await assert_sides(rig, host(rig, "ingress-nginx"), (MATCHED[1],), (*NOT_MATCHED[:3], BY_COOKIE))
    await rig.obey(rig.release(traffic=(*by_route, *by_annotations)), TrafficReleased)
    assert await user_made(rig) == before


async def test_requests_are_lost_where_pods_go_before_traefik_knows(rig: TrafficRig) -> None:
    """So the grace period is what keeps them, and the other tests would see a shorter one."""
    await create(rig, v1=REPLICAS, v2=REPLICAS)
    async with loaded(rig, lossless=False) as runs:
        await shift(rig, 50)
        await until_shared(runs)
        assert sum(run.lost for run in runs) == 0
        await shift(rig, 40)  # and Traefik pauses
        await shift(rig, 0, lowering=True, grace_s=0.0)
        await rig.scale("v2", 0)
        await until(lambda: any(run.lost for run in runs), what="a request to a pod that is gone")

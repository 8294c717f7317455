"""Real requests through a mesh's gateway: istiod leads an Envoy by VirtualServices, of two Services and of subsets.

The test plays the orchestrator: it gives its orders and moves the pods when these are answered. One order is for both
kinds at once. Half of the requests are HTTP/2, and nothing is retried.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from support.asking import ANSWERS_WITHIN_S, assert_sides, every_match, until_answered, until_shared
from support.disorder import never, routes_first, undeclared
from support.mesh import BY_SUBSETS, GRACE_S, NAMES, canary_weights, create, host, references, user_made
from support.precision import SAMPLE, assert_share
from support.steady_load import SteadyLoad
from support.traffic import TrafficRig
from support.traffic_service import traffic_service
from support.until import POLL_PERIOD_S, until

from tidegate_chassis.kubernetes.resources import DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficRepaired, TrafficShifted
from tidegate_contracts.rollout import HeaderChange
from tidegate_sandbox.state import SandboxState
from tidegate_traffic_shifter.declaring import Declaring
from tidegate_traffic_shifter.release import Release
from tidegate_traffic_shifter.shift import Shift

pytestmark = [pytest.mark.sandbox, pytest.mark.thorough, pytest.mark.timeout(240)]

RATE_PER_S = 250.0
"""Through each of the two."""

REPLICAS = 4
SHARE_PERCENT = 20
SLOW = "ready-1.5_drain-3_latency-100"
"""Pods that start slowly, answer slowly and go on serving for a while when they are told to stop."""

ALL = references()
COPIED = 20


@asynccontextmanager
async def loaded(rig: TrafficRig, *, lossless: bool = True) -> AsyncIterator[list[SteadyLoad]]:
    """Requests by both routes all the while."""
    await rig.obey(rig.shift(0, canary=None, traffic=ALL), TrafficShifted)
    async with under_way(rig, lossless=lossless) as runs:
        yield runs


@asynccontextmanager
async def under_way(rig: TrafficRig, *, lossless: bool = True) -> AsyncIterator[list[SteadyLoad]]:
    for name in NAMES:
        await until_answered(rig, host(rig, name), "v1")
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(rig.loaded(RATE_PER_S, hosts=(host(rig, name),), lossless=lossless))
            for name in NAMES
        ]


async def shift(rig: TrafficRig, weight_percent: int, *, lowering: bool = False, canary_pods: int = REPLICAS) -> None:
    order = rig.shift(weight_percent, lowering=lowering, canary_pods=canary_pods, traffic=ALL)
    await rig.obey(order, TrafficShifted, within_s=20.0)


async def until_written(rig: TrafficRig, weight_percent: int) -> None:
    """Until an order is in the midst of its way: this share is in the route, and a grace or more is still to come."""
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while await canary_weights(rig) != [weight_percent]:  # noqa: ASYNC110
            await asyncio.sleep(POLL_PERIOD_S)


async def release(rig: TrafficRig) -> None:
    await rig.obey(rig.release(traffic=ALL), TrafficReleased, within_s=20.0)
    assert not await rig.exists(SERVICES, "web-canary")


async def test_forward_back_and_out_lose_nothing_and_a_share_is_as_precise_as_promised(rig: TrafficRig) -> None:
    await create(rig, v1=REPLICAS, v2=REPLICAS)
    before = await user_made(rig)
    async with loaded(rig) as runs:
        await shift(rig, SHARE_PERCENT)
        await until_shared(runs)
        await asyncio.gather(*(assert_share(run, SHARE_PERCENT, sample_size=SAMPLE // len(runs)) for run in runs))
        await shift(rig, 100, lowering=True)
        await rig.scale("v1", 0)
        await release(rig)  # forward: nobody stood behind the stable version any more
        await rig.scale("v1", REPLICAS)
        await shift(rig, 0)
        await shift(rig, 50)
        await shift(rig, 0, lowering=True)
        await rig.scale("v2", 0)
        await release(rig)  # back: the stable pods were there all the while
        await rig.scale("v2", REPLICAS)
        await shift(rig, 50)
        await shift(rig, 0, lowering=True)
        await release(rig)  # out: the routes before the pods
        await rig.scale("v2", 0)
    assert await user_made(rig) == before


async def test_pods_that_come_and_go_slowly_while_a_step_stands_and_a_cancelled_shift_lose_nothing(
    rig: TrafficRig,
) -> None:
    await create(rig, v1=REPLICAS, v2=REPLICAS, behaviour=SLOW)
    async with loaded(rig) as runs:
        await shift(rig, 50)
        await until_shared(runs)
        await asyncio.gather(rig.scale("v1", REPLICAS + 2), rig.scale("v2", REPLICAS + 2))
        await asyncio.gather(rig.scale("v1", REPLICAS - 1), rig.scale("v2", REPLICAS - 2))
        await rig.give(rig.shift(80, canary_pods=REPLICAS - 2, traffic=ALL))
        await until_written(rig, 80)
        await shift(rig, 0, lowering=True)  # cancelled
        await rig.scale("v2", 0)
        await release(rig)


MATCHES, MATCHED, NOT_MATCHED = every_match("X-User")


async def test_matches_are_exact_on_both_sides(rig: TrafficRig) -> None:
    await create(rig, v1=1, v2=1)
    before = await user_made(rig)
    await rig.obey(rig.shift(0, canary=None, traffic=ALL), TrafficShifted)
    for name in NAMES:
        await until_answered(rig, host(rig, name), "v1")
    await rig.obey(rig.shift(0, matches=MATCHES, traffic=ALL), TrafficShifted)
    for name in NAMES:
        await assert_sides(rig, host(rig, name), MATCHED, NOT_MATCHED)
    await rig.obey(rig.release(traffic=ALL), TrafficReleased)
    assert await user_made(rig) == before


async def test_a_change_of_headers_and_copies_reach_the_new_versions_pods_and_no_others(rig: TrafficRig) -> None:
    await create(rig, v1=1, v2=1)
    change = HeaderChange(set={"x-version": "new"}, add={"x-seen": "1"}, remove=("x-old",))
    await rig.obey(rig.shift(0, canary=None, traffic=ALL), TrafficShifted)
    order = rig.shift(0, matches=(MATCHES[0],), request_headers=change, mirror_percent=100, traffic=ALL)
    await rig.obey(order, TrafficShifted)
    sent = {"x-version": "mine", "x-old": "1"}
    for name in NAMES:
        await until_answered(rig, host(rig, name), "v2", MATCHED[0])
        version, _, *head = await rig.lines("/headers", sent | {"x-user": "ann"}, host=host(rig, name))
        assert version == "version v2"
        assert {"x-version: new", "x-seen: 1"} <= set(head)
        assert not [each for each in head if each.startswith("x-old") or "mine" in each]
        before = await served(rig, name)
        for _ in range(COPIED):
            assert (await rig.lines("/headers", sent, host=host(rig, name)))[0] == "version v1"
        await until_served(rig, name, before + COPIED)


async def served(rig: TrafficRig, name: str) -> int:
    """How many requests the new version's pod has answered by now, copies included."""
    lines = await rig.lines("/metrics", MATCHED[0].headers, host=host(rig, name))
    return sum(int(line.split()[-1]) for line in lines if "http_requests_total{" in line)


async def until_served(rig: TrafficRig, name: str, requests: int) -> None:
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while await served(rig, name) < requests:  # noqa: ASYNC110
            await asyncio.sleep(POLL_PERIOD_S)


async def test_a_shifter_that_is_killed_on_the_way_is_followed_without_a_loss(
    sandbox: SandboxState, rig: TrafficRig, tmp_path: Path
) -> None:
    await create(rig, v1=REPLICAS, v2=REPLICAS)
    before = await user_made(rig)
    async with traffic_service(sandbox, tmp_path) as (service, bus):
        first = await service.start()
        await first.until_ready()
        key = bus.key(rig.namespace, "web")
        await bus.shift(key, order := rig.shift(0, canary=None, traffic=ALL))
        await bus.fact(key, TrafficShifted, order)
        async with under_way(rig) as runs:
            await bus.shift(key, order := rig.shift(60, traffic=ALL))
            await until_written(rig, 0)
            first.process.kill()
            await (await service.start()).until_ready()
            await bus.fact(key, TrafficShifted, order, within_s=20.0)
            await until_shared(runs)
            await bus.shift(key, order := rig.shift(0, lowering=True, traffic=ALL))
            await bus.fact(key, TrafficShifted, order)
            await rig.scale("v2", 0)
            await bus.shift(key, order := rig.release(traffic=ALL))
            await bus.fact(key, TrafficReleased, order, within_s=20.0)
    assert await user_made(rig) == before


async def test_a_share_is_one_write_and_an_edit_of_either_object_is_kept(rig: TrafficRig) -> None:
    await create(rig, v1=1, v2=1)
    before = await user_made(rig)
    await rig.obey(rig.shift(20, traffic=ALL), TrafficShifted)
    declared = await rig.read(DESTINATION_RULES, BY_SUBSETS)
    names = [each["name"] for each in declared["spec"]["subsets"]]
    assert names == ["all", "tidegate-stable", "tidegate-canary"]
    named = await rig.read(VIRTUAL_SERVICES, BY_SUBSETS)
    await rig.obey(rig.shift(50, traffic=ALL), TrafficShifted)
    assert (await rig.read(DESTINATION_RULES, BY_SUBSETS))["metadata"]["generation"] == declared["metadata"][
        "generation"
    ]
    shared = await rig.read(VIRTUAL_SERVICES, BY_SUBSETS)
    assert shared["metadata"]["generation"] == named["metadata"]["generation"] + 1
    policy = {"loadBalancer": {"simple": "RANDOM"}}
    await rig.edit(DESTINATION_RULES, {"spec": {"trafficPolicy": policy, "subsets": None}}, BY_SUBSETS)
    assert (await rig.fact(TrafficRepaired)).what == f"the rules of DestinationRule {BY_SUBSETS}"
    assert [each["name"] for each in (await rig.read(DESTINATION_RULES, BY_SUBSETS))["spec"]["subsets"]] == names[1:]
    await rig.obey(rig.release(traffic=ALL), TrafficReleased)
    after = await user_made(rig)
    assert after[:-1] == before[:-1]
    spec = {name: part for name, part in before[-1][0].items() if name != "subsets"}
    assert after[-1][0] == spec | {"trafficPolicy": policy}


async def test_another_order_of_things_would_be_seen(rig: TrafficRig, monkeypatch: pytest.MonkeyPatch) -> None:
    await create(rig, v1=REPLICAS, v2=REPLICAS)
    async with loaded(rig, lossless=False) as runs:
        await shift(rig, SHARE_PERCENT)
        await until_shared(runs)
        assert sum(run.lost for run in runs) == 0
        await rig.scale("v1", 0)
        for run in runs:
            await until(run.lost_by_all, within_s=10.0, what="a loss where pods go before their traffic")
        monkeypatch.setattr(Shift, "_open", never)
        await shift(rig, 100, lowering=True)
        by_services, by_subsets = runs
        before = by_services.lost, by_subsets.lost
        await asyncio.sleep(GRACE_S)
        assert (by_services.lost, by_subsets.lost) == before, "with the traffic where the pods are nothing is lost"
        monkeypatch.setattr(Release, "look", routes_first)
        await release(rig)
        await until(lambda: by_services.lost > before[0], what="a loss where routes go back before their Service")
        monkeypatch.undo()
        await rig.scale("v1", REPLICAS)
        before = by_services.lost, by_subsets.lost
        monkeypatch.setattr(Declaring, "look", undeclared)
        await rig.give(rig.shift(0, canary=None, traffic=ALL))
        await until(
            lambda: by_subsets.lost > before[1], within_s=10.0, what="a loss where subsets are named undeclared"
        )

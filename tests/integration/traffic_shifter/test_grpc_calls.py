"""gRPC calls through the real proxy, by a GRPCRoute, to pods that speak HTTP/2 without TLS: each side gets its own."""

import json
from collections import Counter
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest
from support.grpc_calls import Reply, answering, call
from support.traffic import GRACE_S, TrafficRig, route

from tidegate_chassis.kubernetes.resources import GRPC_ROUTES, PODS, SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_contracts.rollout import GrpcMethod, HttpMatch, TrafficReference

pytestmark = [pytest.mark.sandbox, pytest.mark.wide]
PORT = 50_051
ASK, TELL = "/shop.Prices/Ask", "/shop.Prices/Tell"
TRAFFIC = (TrafficReference(route="calls", service="web", router="gateway-grpc-route", grace_s=GRACE_S),)


class Calls:
    """One pod of each version, the servers on them and the door to both."""

    def __init__(self, rig: TrafficRig) -> None:
        self.rig = rig
        self.host = f"grpc-{rig.host}"
        door = urlsplit(rig.door_url)
        self._door = (door.hostname or "", door.port or 0)

    async def create(self, stack: AsyncExitStack) -> None:
        rig = self.rig
        await rig.create(v1=1, v2=1)
        port = {"name": "calls", "port": 80, "targetPort": PORT, "appProtocol": "kubernetes.io/h2c"}
        await rig.edit(SERVICES, {"spec": {"ports": [port]}})
        for version in ("v1", "v2"):
            await stack.enter_async_context(answering(rig.sandbox, await self._address(version), PORT, version))
        own = route(self.host) | {"kind": "GRPCRoute", "metadata": {"name": "calls"}}
        await rig.admin.create(GRPC_ROUTES, rig.namespace, own)

    async def _address(self, version: str) -> str:
        listed = await self.rig.admin.list_all(PODS, self.rig.namespace, label_selector=f"version={version}")
        (pod,) = [json.loads(bytes(each)) for each in listed.items]
        return str(pod["status"]["podIP"])

    async def answers(self, calls: int, method: str = ASK, **metadata: str) -> Counter[Reply]:
        found = Counter[Reply]()
        for _ in range(calls):
            found[await call(*self._door, self.host, method, metadata)] += 1
        return found


V1, V2 = (Reply(version, "0") for version in ("v1", "v2"))


async def test_calls_reach_the_side_that_their_share_or_their_match_says_and_none_is_lost(rig: TrafficRig) -> None:
    async with AsyncExitStack() as stack:
        calls = Calls(rig)
        await calls.create(stack)
        before = (await rig.read(GRPC_ROUTES, "calls"))["spec"]
        await rig.obey(rig.shift(0, canary=None, traffic=TRAFFIC), TrafficShifted)
        assert await calls.answers(50) == {V1: 50}
        matches = (
            HttpMatch(grpc=GrpcMethod(service="shop.Prices", method="Tell")),
            HttpMatch(headers={"x-user": "ann"}),
        )
        await rig.obey(rig.shift(20, matches=matches, traffic=TRAFFIC), TrafficShifted)
        assert await calls.answers(100, TELL) == {V2: 100}
        assert await calls.answers(100, **{"x-user": "ann"}) == {V2: 100}
        shared = await calls.answers(1_000)
        assert shared == {V1: pytest.approx(800, abs=50), V2: pytest.approx(200, abs=50)}
        await rig.obey(rig.shift(0, matches=matches, traffic=TRAFFIC), TrafficShifted)
        assert await calls.answers(200) == {V1: 200}
        assert await calls.answers(100, TELL) == {V2: 100}
        await rig.obey(rig.shift(100, lowering=True, traffic=TRAFFIC), TrafficShifted)
        assert await calls.answers(200) == {V2: 200}
        await rig.obey(rig.release(traffic=TRAFFIC), TrafficReleased)
        assert set(await calls.answers(50)) == {V1, V2}, "the user's own Service selects both again"
        assert (await rig.read(GRPC_ROUTES, "calls"))["spec"] == before

from collections.abc import AsyncIterator

import pytest
from support.traffic import HASH, TrafficRig, traffic_rig

from tidegate_chassis.kubernetes.resources import HTTP_ROUTES, SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


@pytest.fixture
async def rig(sandbox: SandboxState, namespace: str) -> AsyncIterator[TrafficRig]:
    async with traffic_rig(sandbox, namespace) as made:
        yield made


async def test_a_whole_rollouts_traffic_loses_no_request_and_leaves_no_trace(rig: TrafficRig) -> None:
    await rig.create(v2=4)
    before_route, before_service = await rig.read(HTTP_ROUTES), await rig.read(SERVICES)
    async with rig.loaded():
        await rig.obey(rig.shift(0, canary=None), TrafficShifted)
        assert (await rig.read(SERVICES))["spec"]["selector"][HASH] == rig.revisions["v1"]
        for weight_percent in (20, 50, 100):
            lowering = weight_percent == 100
            await rig.obey(rig.shift(weight_percent, lowering=lowering), TrafficShifted)
            share = await rig.measure()
            assert share.get("v2", 0.0) == pytest.approx(weight_percent, abs=8.0)
        await rig.obey(rig.release(), TrafficReleased)
    after_route, after_service = await rig.read(HTTP_ROUTES), await rig.read(SERVICES)
    assert after_route["spec"] == before_route["spec"]
    assert after_route["metadata"].get("annotations") == before_route["metadata"].get("annotations")
    assert after_service["spec"] == before_service["spec"]
    assert after_service["metadata"].get("annotations") == before_service["metadata"].get("annotations")
    assert not await rig.exists(SERVICES, "web-canary")

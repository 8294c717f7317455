"""A copy of the traffic-shifter and a user's namespace, on the sandbox."""

from collections.abc import AsyncIterator

import pytest
from support.traffic import TrafficRig, traffic_rig

from tidegate_sandbox.state import SandboxState


@pytest.fixture
async def rig(sandbox: SandboxState, namespace: str) -> AsyncIterator[TrafficRig]:
    async with traffic_rig(sandbox, namespace) as made:
        yield made

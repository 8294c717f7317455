"""A sandbox with a mesh's gateway, one for all tests of this folder, and a traffic-shifter in front of it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from support.sandbox import up_for_a_while
from support.traffic import TrafficRig, traffic_rig

from tidegate_sandbox.state import SandboxState


@pytest.fixture(scope="package")
def sandbox() -> Iterator[SandboxState]:
    yield from up_for_a_while(including=("mesh",), without=("proxy", "prometheus"))


@pytest.fixture
async def rig(sandbox: SandboxState, namespace: str) -> AsyncIterator[TrafficRig]:
    async with traffic_rig(sandbox, namespace) as made:
        made.door_url = sandbox.mesh_url
        yield made

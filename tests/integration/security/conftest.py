from collections.abc import AsyncIterator

import pytest
from support.nats import NatsServer, nats_server


@pytest.fixture
async def bus() -> AsyncIterator[NatsServer]:
    async with nats_server() as server:
        yield server

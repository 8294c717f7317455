from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from analyzer_bench import Bench, FakeMetrics
from support.nats import nats_server


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(nats_server())
        metrics = await stack.enter_async_context(FakeMetrics().serving())
        connection = await stack.enter_async_context(server.connected("orchestrator"))
        it = Bench(server, metrics, connection, tmp_path)
        stack.push_async_callback(it.end)
        yield it

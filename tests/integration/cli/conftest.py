import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from scripted_orchestrator import ScriptedOrchestrator, scripted_orchestrator
from support.nats import NatsServer, nats_server
from tidegate_command import REQUEST, Ended, Tidegate, environment, in_a_process, in_a_thread


@pytest.fixture
async def bus() -> AsyncIterator[NatsServer]:
    async with nats_server() as server:
        yield server


@pytest.fixture
async def orchestrator(bus: NatsServer) -> AsyncIterator[ScriptedOrchestrator]:
    async with scripted_orchestrator(bus) as orchestrator:
        yield orchestrator


@pytest.fixture
def tidegate(bus: NatsServer) -> Tidegate:
    """Runs the command as a user would: in a process of its own, or, to save its start, only in a thread."""

    async def run(
        *arguments: str, user: str = "operator", given: str = "", url: str = bus.url, apart: bool = False
    ) -> Ended:
        if apart:
            return await in_a_process(arguments, environment(url, user), given)
        return await asyncio.to_thread(in_a_thread, arguments, environment(url, user), given)

    return run


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(REQUEST))
    return file

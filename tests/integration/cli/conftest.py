import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scripted_orchestrator import ScriptedOrchestrator, scripted_orchestrator
from support.nats import NatsServer, nats_server, password
from typer.testing import CliRunner

from tidegate_cli.app import app

REQUEST = {"workload": {"name": "web"}, "rollout": "web-1", "steps": [{"replicas": "20%", "pause": {}}]}


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Tidegate = Callable[..., Awaitable[Ended]]


@pytest.fixture
async def bus() -> AsyncIterator[NatsServer]:
    async with nats_server() as server:
        yield server


@pytest.fixture
async def orchestrator(bus: NatsServer) -> AsyncIterator[ScriptedOrchestrator]:
    async with scripted_orchestrator(bus) as orchestrator:
        yield orchestrator


def environment(url: str, user: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    settings = {"TIDEGATE_NATS_URL": url, "TIDEGATE_NATS_USER": user, "TIDEGATE_NATS_PASSWORD": password(user)}
    return {**clean, **settings, "COLUMNS": "200", "NO_COLOR": "1"}


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


def in_a_thread(arguments: tuple[str, ...], environment: dict[str, str], given: str) -> Ended:
    result = CliRunner().invoke(app, arguments, input=given, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


async def in_a_process(arguments: tuple[str, ...], environment: dict[str, str], given: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidegate_cli", *arguments),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    assert "Traceback" not in err.decode()
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(REQUEST))
    return file

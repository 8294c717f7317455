"""Every example is asked for by the command, as its README says, on a real application, and completes.

People's parts are played by the test: whatever waits for approval, or for long, is approved.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from tidegate_contracts.decisions import PauseStarted, RolloutCompleted, StepCompleted
from tidegate_demo.journal import terminal
from tidegate_demo.scenario import HOST, World, kubectl, prepared
from tidegate_demo.stack import running_stack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
EXAMPLES = Path(__file__).parents[2] / "deploy/examples"
FILES = sorted(EXAMPLES.glob("*/request.*"))
assert FILES, "there are examples"
END_TIMEOUT_S = 200.0
V1, V2 = "registry.example/web:v1", "registry.example/web:v2"


class Answer(NamedTuple):
    version: str
    status: int


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(own_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    out = tmp_path_factory.mktemp("load") / "load.jsonl"
    async with running_stack(own_sandbox), prepared(own_sandbox, out) as world:
        yield world


async def _tidegate(state: SandboxState, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tidegate_cli", *arguments),
        env={
            **os.environ,
            "TIDEGATE_NATS_URL": state.nats_url,
            "TIDEGATE_NATS_USER": "operator",
            "TIDEGATE_NATS_PASSWORD": state.nats_passwords["operator"],
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def _get(state: SandboxState, headers: dict[str, str]) -> Answer:
    async with (
        aiohttp.ClientSession() as session,
        session.get(state.proxy_url, headers={"Host": HOST, **headers}) as response,
    ):
        return Answer(response.headers.get("x-version", ""), response.status)


async def _start_over(state: SandboxState, example: Path) -> str:
    """The workload that the example is about, whole at its first version: its own, or the application."""
    own = example / "workload.yaml"
    if own.exists():
        workload = (await kubectl(state, "apply", "-f", str(own), "-o", "name")).strip()
    else:
        workload = "deployment/web"
        await kubectl(state, "set", "image", workload, f"web={V1}")
    await kubectl(state, "rollout", "status", workload, "--timeout=60s")
    return workload


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
async def test_an_example_completes(world: World, path: Path) -> None:
    state = world.state
    workload = await _start_over(state, path.parent)
    known = {event.rollout for event in world.listener.events}
    await _tidegate(state, "request", "-f", str(path))
    approved: set[int] = set()
    async with asyncio.timeout(END_TIMEOUT_S):
        while True:
            rollout = next((event.rollout for event in world.listener.events if event.rollout not in known), "")
            events = world.listener.of(rollout) if rollout else []
            waiting = {event.step for event in events if isinstance(event, PauseStarted)} - approved
            waiting -= {event.step for event in events if isinstance(event, StepCompleted)}
            for step in waiting:
                if path.parent.name == "04-header-match":
                    await _sees_only_matches(state)
                await _tidegate(state, "approve", rollout, "--step", str(step))
                approved.add(step)
            if terminal(events) is not None:
                break
            await world.listener.heard()
    assert isinstance(terminal(events), RolloutCompleted), terminal(events)
    image = await kubectl(state, "get", workload, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image == V2
    await kubectl(state, "rollout", "status", workload, "--timeout=60s")
    world.load.read()
    assert sum(window.lost_total for window in world.load.windows) == 0


async def _sees_only_matches(state: SandboxState) -> None:
    """While it waits for approval, the header decides who sees the new version."""
    for _ in range(20):
        assert await _get(state, {"x-preview": "yes"}) == Answer("v2", 200)
        assert await _get(state, {}) == Answer("v1", 200)

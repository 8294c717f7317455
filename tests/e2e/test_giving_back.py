"""Tidegate removed while rollouts are in flight: every service killed, the bus out of reach, and all given back.

Each style, and kinds that are held differently; seen through the API server alone, with requests on one of them.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from support.kinds import DAEMON_SET, DEPLOYMENT, IMAGE, STATEFUL_SET
from support.workloads import SOCKETS_CLOSE_S

from tidegate_contracts.decisions import PauseStarted
from tidegate_demo.journal import requester
from tidegate_demo.scenario import NAMESPACE, World, kubectl, prepared
from tidegate_demo.stack import Stack, running_stack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]
TAG = "v1_ready-0.3"
STYLES = {"grown": "blue_green", "beside": "canary"}
KINDS = {
    **dict.fromkeys(("web", "grown", "beside"), DEPLOYMENT),
    "queue": STATEFUL_SET,
    "agent": DAEMON_SET,
}
OWN = {"queue": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}}
"""What a user has said that a hold needs for itself."""
NO_BUS = {"TIDEGATE_NATS_URL": "nats://127.0.0.1:1"}
PAUSED_WITHIN_S = 60.0


def request(name: str) -> dict[str, Any]:
    """Half of it, then a pause without end."""
    image = f"{IMAGE}:v2" if name == "web" else f"{IMAGE}:v2_ready-0.3"
    body: dict[str, Any] = {
        "type": "rollout.requested.v1",
        "rollout": f"{name}-2",
        "workload": {"name": name, "kind": KINDS[name].resource.kind},
        "strategy": STYLES.get(name, "partition"),
        "change": {"images": {"web" if name == "web" else "app": image}},
        "steps": [{"replicas": "50%", "pause": {}}, {"replicas": "100%"}],
    }
    if name == "web":
        body["traffic"] = [{"route": "web", "service": "web", "grace_s": 1.0}]
        body["steps"] = [
            {"replicas": "50%", "traffic": {"weight_percent": 30}, "pause": {}},
            {"replicas": "100%", "traffic": {"weight_percent": 100}},
        ]
    return body


@pytest.fixture
async def stack(spare_sandbox: SandboxState) -> AsyncIterator[Stack]:
    async with running_stack(spare_sandbox) as made:
        yield made


@pytest.fixture
async def world(spare_sandbox: SandboxState, stack: Stack, tmp_path: Path) -> AsyncIterator[World]:
    async with prepared(spare_sandbox, tmp_path / "load.jsonl") as made:
        manifests = [
            kind.manifest(name, replicas=4, tag=TAG, **OWN.get(name, {}))
            for name, kind in KINDS.items()
            if name != "web"
        ]
        given = tmp_path / "workloads.yaml"
        given.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
        await kubectl(spare_sandbox, "apply", "-f", str(given))
        await _whole(spare_sandbox)
        yield made
    await asyncio.sleep(SOCKETS_CLOSE_S)


async def _whole(state: SandboxState) -> None:
    for name, kind in KINDS.items():
        await kubectl(state, "rollout", "status", f"{kind.resource.kind.lower()}/{name}", "--timeout=60s")


async def own_values(state: SandboxState) -> dict[str, Any]:
    """All that a user of these objects wrote, templates apart; and nothing of ours may be on it, or beside it."""
    kinds = "deployments,statefulsets,daemonsets,services,httproutes"
    found = json.loads(await kubectl(state, "get", kinds, "--show-managed-fields", "-o", "json"))
    values = {}
    for each in found["items"]:
        metadata = each["metadata"]
        assert "tidegate.io/" not in json.dumps([metadata.get("annotations"), metadata.get("labels")]), metadata
        assert "tidegate" not in json.dumps(metadata["managedFields"]), metadata["managedFields"]
        spec = {name: value for name, value in each["spec"].items() if name != "template"}
        values[f"{each['kind']}/{metadata['name']}"] = spec
    return values


async def ask_all(state: SandboxState) -> None:
    async with requester(state) as client:
        for name in KINDS:
            subject = f"tidegate.requests.default.{NAMESPACE}"
            await client.request(subject, msgspec.json.encode(request(name)), timeout=5.0)


async def paused(world: World) -> None:
    """Every rollout waits at its first step."""
    async with asyncio.timeout(PAUSED_WITHIN_S):
        while not all(
            any(isinstance(event, PauseStarted) for event in world.listener.of(f"{name}-2")) for name in KINDS
        ):
            await world.listener.heard()


async def kill_all(stack: Stack) -> None:
    await asyncio.gather(*(stack[name].kill() for name in stack.names))


@pytest.mark.parametrize(
    ("mode", "seed"),
    [
        pytest.param("restore", None, id="while it waits"),
        pytest.param("let_go", 1, id="in motion", marks=pytest.mark.thorough),
    ],
)
async def test_everything_is_given_back_whenever_it_was_killed(
    spare_sandbox: SandboxState, stack: Stack, world: World, mode: str, seed: int | None
) -> None:
    before = await own_values(spare_sandbox)
    await ask_all(spare_sandbox)
    if seed is None:
        await paused(world)
    else:
        await asyncio.sleep(random.Random(seed).uniform(0.5, 3.0))
    await kill_all(stack)
    code, output = await stack.run_once("traffic-shifter", "give-back", environment=NO_BUS)
    assert code == 0, output
    further = ["--restore"] if mode == "restore" else []
    code, output = await stack.run_once("workload-controller", "give-back", *further, environment=NO_BUS)
    assert code == 0, output
    await _whole(spare_sandbox)
    assert await own_values(spare_sandbox) == before
    if mode == "restore":
        images = await kubectl(spare_sandbox, "get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}")
        assert ":v2" not in images
    world.load.read()
    lost = {kind: number for window in world.load.windows for kind, number in window.lost.items()}
    assert lost == {}, [example for window in world.load.windows for example in window.examples][:5]

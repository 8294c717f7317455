"""Guarded workloads in a sandbox: services and the shipped webhook up, guards set by the command, changes by kubectl.

Used by the tests of guards, end to end and of each kind. What is seen is the world: pods, the workload as it stands,
and the events that anybody can read.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Container
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from support.kinds import IMAGE, Kind
from tidegate_chassis.kubernetes.objects import decode
from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import RolloutAccepted
from tidegate_demo.journal import Listener, listening
from tidegate_demo.scenario import kubectl
from tidegate_demo.stack import SERVICES, Stack
from tidegate_demo.webhooks import environment, manifests
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.seen import Workload

HOLD = "tidegate-hold"
REPLICAS = 4
WITHIN_S = 15.0
BUNDLE_WITHIN_S = 20.0
"""The keeper of the certificates looks every ten seconds."""
POLL_S = 0.05
"""Of the world outside, which has no event to wait for."""


class Guarded:
    """The sandbox with everything up, and the webhook that may be switched off."""

    def __init__(self, state: SandboxState, stack: Stack, listener: Listener, directory: Path, port: int) -> None:
        self.state = state
        self.stack = stack
        self.listener = listener
        self._directory = directory
        self._port = port

    async def switch(self, *, on: bool) -> None:
        """The hold's webhook, with the authority that its server has published."""
        if not on:
            await kubectl(self.state, "delete", "mutatingwebhookconfiguration", HOLD)
            return
        await self.apply(*manifests("webhooks/hold.yaml", self._port))
        await self.trusted("mutatingwebhookconfiguration", HOLD)

    async def trusted(self, resource: str, name: str) -> None:
        """Until the API server knows whom to trust there."""
        async with asyncio.timeout(BUNDLE_WITHIN_S):
            while "caBundle" not in await kubectl(self.state, "get", resource, name, "-o", "json"):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)

    async def tidegate(self, *arguments: str, given: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tidegate_cli", *arguments),
            env={
                **os.environ,
                "TIDEGATE_NATS_URL": self.state.nats_url,
                "TIDEGATE_NATS_USER": "operator",
                "TIDEGATE_NATS_PASSWORD": self.state.nats_passwords["operator"],
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(given.encode())
        assert process.returncode == 0, output.decode()
        return output.decode()

    async def apply(self, *manifests: dict[str, Any], verb: str = "apply") -> None:
        given = self._directory / f"{manifests[0]['metadata']['name']}.yaml"
        given.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
        await kubectl(self.state, verb, "-f", str(given))

    async def read(self, kind: Kind, name: str) -> dict[str, Any]:
        found = await kubectl(self.state, "get", kind.resource.qualified_plural, name, "-o", "json")
        read: dict[str, Any] = json.loads(found)
        return read

    async def set_image(self, kind: Kind, name: str, tag: str) -> None:
        change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": f"{IMAGE}:{tag}"}]
        resource = kind.resource.qualified_plural
        await kubectl(self.state, "patch", resource, name, "--type=json", "-p", json.dumps(change))

    async def whole(self, kind: Kind, name: str) -> None:
        """Until its native controller has nothing more to do."""
        async with asyncio.timeout(WITHIN_S):
            while not decode(json.dumps(await self.read(kind, name)).encode(), Workload).complete:  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)

    async def tags(self, name: str) -> list[str]:
        """Which versions run, a pod each."""
        found = json.loads(await kubectl(self.state, "get", "pods", "-l", f"app={name}", "-o", "json"))
        staying = [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]
        return sorted(pod["spec"]["containers"][0]["image"].partition(":v")[2][:1] for pod in staying)

    async def until(
        self,
        kind: type[AnyEvent],
        name: str,
        *,
        besides: Container[str] = (),
        where: Callable[[Any], bool] = lambda _: True,
    ) -> Any:
        """The first such event of a rollout of the workload that isn't one of `besides`."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for event in self.listener.events:
                    if isinstance(event, RolloutAccepted) and event.request.workload.name == name:
                        found = [each for each in self.listener.of(event.rollout) if isinstance(each, kind)]
                        found = [each for each in found if where(each) and each.rollout not in besides]
                        if found:
                            return found[0]
                await self.listener.heard()

    async def guarded(self, kind: Kind, name: str, *, is_guarded: bool = True) -> None:
        """Until the guard has reached the workload, or has left it without a trace."""
        async with asyncio.timeout(WITHIN_S):
            while ("tidegate.io" in json.dumps(await self.read(kind, name))) is not is_guarded:  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)

    async def make(self, kind: Kind, name: str, **request: Any) -> dict[str, Any]:
        """A workload of version 1, whole and guarded; as it stands then."""
        await self.apply(kind.manifest(name, replicas=REPLICAS, tag="v1_ready-0.3"))
        await self.whole(kind, name)
        body = {
            "workload": {"name": name, "kind": kind.resource.kind, "api_version": kind.resource.api_version},
            "steps": [{"replicas": "50%", "pause": {}}, {"replicas": "100%"}],
            **request,
        }
        await self.tidegate("guard", "-f", "-", given=json.dumps(body))
        await self.guarded(kind, name)
        return await self.read(kind, name)


def own_values(workload: dict[str, Any]) -> dict[str, Any]:
    """All that its user wrote, the template apart."""
    return {name: value for name, value in workload["spec"].items() if name != "template"}


@asynccontextmanager
async def guarded_world(
    state: SandboxState, directory: Path, services: Collection[str] = tuple(SERVICES)
) -> AsyncIterator[Guarded]:
    """The services with the webhooks that they serve, inside the sandbox."""
    port, operator_port = free_port(), free_port()
    own = {"rollout-operator": environment(operator_port)}
    stack = Stack(state, environment(port))
    await stack.declare_topology()
    async with listening(state) as listener:
        world = Guarded(state, stack, listener, directory, port)
        try:
            await world.apply(*manifests("webhooks/hold.yaml", port))
            if "rollout-operator" in services:
                await world.apply(*manifests("crds/rollouts.yaml", operator_port))
                await world.apply(*manifests("webhooks/rollouts.yaml", operator_port))
            await asyncio.gather(*(stack.start(name, environment=own.get(name)) for name in services))
            await world.trusted("mutatingwebhookconfiguration", HOLD)
            yield world
        finally:
            await stack.stop_all()

"""The traffic-shifter as processes of their own, with a real bus and a real API server."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from support.workload_service import Bus, Copy
from tidegate_chassis import topology
from tidegate_chassis.connection import connected
from tidegate_contracts.orders import TrafficOrder
from tidegate_contracts.workload import WorkloadKey
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState

NAME = "traffic-shifter"


class TrafficBus(Bus):
    """The orchestrator's side."""

    async def shift(self, key: WorkloadKey, order: TrafficOrder) -> None:
        assert await self.publisher.order(NAME, key, order)


class TrafficService:
    """Copies of the service against one sandbox."""

    def __init__(self, sandbox: SandboxState, directory: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._sandbox = sandbox
        self._directory = directory
        self._environment = environment
        self.copies: list[Copy] = []

    async def start(self) -> Copy:
        port = free_port()
        environment = dict(self._environment) | {
            "TIDEGATE_NATS_URL": self._sandbox.nats_url,
            "TIDEGATE_NATS_USER": NAME,
            "TIDEGATE_NATS_PASSWORD": self._sandbox.nats_passwords[NAME],
            "TIDEGATE_KUBECONFIG": str(self._sandbox.kubeconfig_directory / f"{NAME}.yaml"),
            "TIDEGATE_HTTP_PORT": str(port),
        }
        log = self._directory / f"copy-{len(self.copies)}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tidegate_traffic_shifter", env=environment, stdout=output, stderr=output
            )
        copy = Copy(process, port, log)
        self.copies.append(copy)
        return copy

    async def stop(self) -> None:
        for copy in self.copies:
            if copy.process.returncode is None:
                copy.process.send_signal(signal.SIGCONT)  # a frozen one would never hear of it
                copy.process.terminate()
        for copy in self.copies:
            await asyncio.wait_for(copy.process.wait(), 10.0)


@asynccontextmanager
async def traffic_service(
    sandbox: SandboxState, directory: Path, environment: Mapping[str, str] = os.environ
) -> AsyncIterator[tuple[TrafficService, TrafficBus]]:
    """Copies to start, and the bus to give them orders on."""
    async with AsyncExitStack() as stack:
        connections = {}
        for user in ("deploy", "orchestrator"):
            password = sandbox.nats_passwords[user]
            connections[user] = await stack.enter_async_context(
                connected(sandbox.nats_url, name=f"test-{user}", user=user, password=password)
            )
        await topology.declare(connections["deploy"])
        made = TrafficService(sandbox, directory, environment)
        stack.push_async_callback(made.stop)
        yield made, TrafficBus(connections["orchestrator"], "default")

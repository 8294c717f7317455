"""The workload-controller as processes of their own, with a real bus and a real API server.

Orders are published as the orchestrator would; facts are read from the stream of events.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp

from tidegate_chassis import topology
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.connection import Connection, connected
from tidegate_chassis.journal import Journal
from tidegate_chassis.publish import Publisher
from tidegate_contracts import subjects
from tidegate_contracts.codec import event_decoder
from tidegate_contracts.facts import Fact
from tidegate_contracts.orders import WorkloadOrder
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.workload import WorkloadKey
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState

F = TypeVar("F", bound=Fact)
START_WITHIN_S = 15.0
POLL_PERIOD_S = 0.02


class Copy:
    """One process of the service."""

    def __init__(self, process: asyncio.subprocess.Process, http_port: int, log: Path) -> None:
        self.process = process
        self.http_port = http_port
        self.log = log

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def holds(self) -> bool:
        """Whether it has taken an order, as its log says, and no other copy has taken it since."""
        return self.log.read_text().count("order taken") > self.log.read_text().count("order ended")

    def resident_megabytes(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the process has no memory")

    async def until_ready(self) -> float:
        """Seconds until /readyz says so."""
        started_s = time.monotonic()
        async with aiohttp.ClientSession() as session:
            while time.monotonic() - started_s < START_WITHIN_S:
                try:
                    async with session.get(f"http://127.0.0.1:{self.http_port}/readyz") as answer:
                        if answer.status == 200:
                            return time.monotonic() - started_s
                except aiohttp.ClientError:
                    pass
                assert self.process.returncode is None, self.log.read_text()[-3000:]
                await asyncio.sleep(POLL_PERIOD_S)
        raise AssertionError(f"not ready in time: {self.log.read_text()[-3000:]}")


class Bus:
    """The orchestrator's side."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self.cluster = cluster
        self.publisher = Publisher(connection, "orchestrator", SystemClock())
        self.journal = Journal(connection, "orchestrator", SystemClock())

    def key(self, namespace: str, name: str) -> WorkloadKey:
        return WorkloadKey(self.cluster, namespace, "deployment.apps", name)

    async def order(self, key: WorkloadKey, order: WorkloadOrder) -> None:
        assert await self.publisher.order("workload-controller", key, order)

    async def facts(self, key: WorkloadKey) -> list[Fact]:
        found = await self.journal.read(EVENTS, subjects.workload_events(key))
        events = [event_decoder.decode(message.payload) for message in found]
        return [event for event in events if isinstance(event, Fact)]

    async def fact(
        self,
        key: WorkloadKey,
        kind: type[F],
        order: WorkloadOrder,
        matching: Callable[[F], bool] = lambda _: True,
        *,
        within_s: float = 15.0,
    ) -> F:
        deadline_s = time.monotonic() + within_s
        while True:
            facts = await self.facts(key)
            for fact in facts:
                if isinstance(fact, kind) and fact.order_revision == order.revision and matching(fact):
                    return fact
            assert time.monotonic() < deadline_s, f"no {kind.__name__}; facts: {facts[-5:]}"
            await asyncio.sleep(POLL_PERIOD_S)


class Service:
    """Copies of the service against one sandbox, in an environment like this one or as given."""

    def __init__(
        self, sandbox: SandboxState, directory: Path, cluster: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._environment = {**os.environ} if environment is None else {**environment}
        self._sandbox = sandbox
        self._directory = directory
        self._cluster = cluster
        self._copies: list[Copy] = []

    async def start(self) -> Copy:
        port = free_port()
        environment = self._environment | {
            "TIDEGATE_NATS_URL": self._sandbox.nats_url,
            "TIDEGATE_NATS_USER": "workload-controller",
            "TIDEGATE_NATS_PASSWORD": self._sandbox.nats_passwords["workload-controller"],
            "TIDEGATE_CLUSTER": self._cluster,
            "TIDEGATE_KUBECONFIG": str(self._sandbox.kubeconfig_directory / "workload-controller.yaml"),
            "TIDEGATE_HTTP_PORT": str(port),
        }
        log = self._directory / f"copy-{len(self._copies)}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tidegate_workload_controller", env=environment, stdout=output, stderr=output
            )
        copy = Copy(process, port, log)
        self._copies.append(copy)
        return copy

    async def stop(self) -> None:
        for copy in self._copies:
            if copy.process.returncode is None:
                copy.process.terminate()
        for copy in self._copies:
            await asyncio.wait_for(copy.process.wait(), 10.0)


@asynccontextmanager
async def service(
    sandbox: SandboxState, directory: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Service, Bus]]:
    """Copies to start, and the bus to give them orders on."""
    async with AsyncExitStack() as stack:
        deploy = await stack.enter_async_context(_connected(sandbox, "deploy"))
        await topology.declare(deploy)
        orchestrator = await stack.enter_async_context(_connected(sandbox, "orchestrator"))
        made = Service(sandbox, directory, "default", environment)
        stack.push_async_callback(made.stop)
        yield made, Bus(orchestrator, "default")


@asynccontextmanager
async def _connected(sandbox: SandboxState, user: str) -> AsyncIterator[Connection]:
    password = sandbox.nats_passwords[user]
    async with connected(sandbox.nats_url, name=f"test-{user}", user=user, password=password) as connection:
        yield connection

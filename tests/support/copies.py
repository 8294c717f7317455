"""Copies of a worker for tests of the bus: in this process, or as processes of their own that can be killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from support import holder_process
from support.nats import CLOCK, REPOSITORY, NatsServer, password
from tidegate_chassis import broker as brokers
from tidegate_chassis.connection import Connection
from tidegate_chassis.context import Context
from tidegate_chassis.publish import Publisher
from tidegate_chassis.service import make_context
from tidegate_chassis.settings import Settings
from tidegate_chassis.standing_orders import HeldOrder
from tidegate_contracts.orders import PrepareWorkload, ReleaseWorkload, WorkloadOrder
from tidegate_contracts.subjects import Service
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_sandbox.ports import free_port

READY_WITHIN_S = 20.0
WORKER: Service = "workload-controller"
Hold = Callable[[HeldOrder[WorkloadOrder]], "asyncio.Future[None]"]


def key(name: str = "web") -> WorkloadKey:
    return WorkloadKey("default", "default", "deployment.apps", name)


def order(revision: int, name: str = "web") -> WorkloadOrder:
    return PrepareWorkload(rollout="r1", revision=revision, workload=WorkloadReference(name=name))


def release(revision: int, name: str = "web") -> WorkloadOrder:
    return ReleaseWorkload(rollout="r1", revision=revision, workload=WorkloadReference(name=name), mode="promote")


def settings(server: NatsServer, user: str, **changes: object) -> Settings:
    values = {"nats_url": server.url, "nats_user": user, "nats_password": password(user), "stop_timeout_s": 5.0}
    return Settings(**(values | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def working(
    server: NatsServer, compose: Callable[[Context], None], *, name: Service = WORKER, **changes: object
) -> AsyncIterator[Context]:
    """A service's context with its workers running; stopped gracefully at the end."""
    context = make_context(name, settings(server, name, **changes))
    compose(context)
    await brokers.start(context.broker, context.connection)
    tasks = [asyncio.create_task(worker.run()) for worker in context.workers]
    try:
        yield context
    finally:
        await asyncio.gather(*(worker.stop() for worker in context.workers))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await brokers.stop(context.broker, context.connection)


class Orchestrator(NamedTuple):
    """The orders' sender."""

    connection: Connection
    publisher: Publisher

    async def order(self, sent: WorkloadOrder, name: str = "web") -> bool:
        return await self.publisher.order(WORKER, key(name), sent)


@asynccontextmanager
async def orchestrator(server: NatsServer) -> AsyncIterator[Orchestrator]:
    async with server.connected("orchestrator") as connection:
        yield Orchestrator(connection, Publisher(connection, "orchestrator", CLOCK))


class Act(NamedTuple):
    """One write to the world, as the holder process noted it."""

    copy: str
    name: str
    revision: int
    at_s: float
    """Monotonic, and so comparable between processes."""


class Copy(NamedTuple):
    name: str
    process: asyncio.subprocess.Process
    http_port: int

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def ready(self) -> None:
        async with asyncio.timeout(READY_WITHIN_S):
            while not (await self.asked("/readyz")).startswith("HTTP/1.1 200"):  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.02)

    async def asked(self, path: str) -> str:
        """The copy's whole answer over HTTP; empty while nobody listens."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        except OSError:
            assert self.process.returncode is None, f"{self.name} ended with {self.process.returncode}"
            return ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: copy\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.decode()


class Copies:
    """Holder processes that write to one file, which is the world that the tests look at."""

    def __init__(self, server: NatsServer, directory: Path, stack: AsyncExitStack) -> None:
        self._server = server
        self._world = directory / "world"
        self._log = directory / "copies.log"
        self._stack = stack

    async def start(self, name: str, **environment: str) -> Copy:
        """Returns when the copy says that it is ready."""
        copy = await self.launch(name, **environment)
        await copy.ready()
        return copy

    async def launch(self, name: str, **environment: str) -> Copy:
        port = free_port()
        variables = os.environ | {
            "TIDEGATE_NATS_URL": self._server.url,
            "TIDEGATE_NATS_USER": WORKER,
            "TIDEGATE_NATS_PASSWORD": password(WORKER),
            "TIDEGATE_HTTP_PORT": str(port),
            "WORLD": str(self._world),
            "COPY": name,
            **environment,
        }
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", holder_process.__name__),
                cwd=REPOSITORY / "tests",
                env=variables,
                stdout=log,
                stderr=log,
            )
        self._stack.push_async_callback(_end, process)
        return Copy(name, process, port)

    def acts(self, *, since: int = 0) -> list[Act]:
        if not self._world.exists():
            return []
        fields = (line.split() for line in self._world.read_text().splitlines()[since:])
        return [Act(copy, name, int(revision), float(at_s)) for copy, name, revision, at_s in fields]

    def acted(self, copy: str, revision: int, name: str = "web") -> bool:
        return any((act.copy, act.revision, act.name) == (copy, revision, name) for act in self.acts())

    def knows(self, revision: int) -> bool:
        return any(act.revision == revision for act in self.acts())

    def log(self) -> str:
        return self._log.read_text()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


@asynccontextmanager
async def copies(server: NatsServer, directory: Path) -> AsyncIterator[Copies]:
    """Kills whatever is left of them at the end."""
    async with AsyncExitStack() as stack:
        yield Copies(server, directory, stack)

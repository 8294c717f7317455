"""A real nats-server with the product's own configuration, to be killed, paused and started again by tests.

It has one user more, an administrator, who breaks what nobody has the right to break.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tidegate_chassis import topology
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.connection import Connection, connected
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.toolchain import ensure

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGURATION = REPOSITORY / "deploy" / "nats" / "nats.conf"
PASSWORDS = REPOSITORY / "deploy" / "nats" / "development.env"
ADMINISTRATOR = "administrator"
START_WITHIN_S = 10.0
CLOCK = SystemClock()


def with_administrator(configuration: str) -> str:
    users = "    users: ["
    assert configuration.count(users) > 0, "the services' account comes first"
    user = f"{{user: {ADMINISTRATOR}, password: {ADMINISTRATOR}}}"
    return configuration.replace(users, f"{users}\n      {user}", 1)


def passwords() -> dict[str, str]:
    """The public passwords of development, by environment variable."""
    lines = (line.strip() for line in PASSWORDS.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def password(user: str) -> str:
    return passwords()[f"TIDEGATE_NATS_{user.upper().replace('-', '_')}_PASSWORD"]


class NatsServer:
    """One server on loopback; its port and its store stay the same over restarts."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.log = directory / "nats-server.log"
        self._binary = ensure({"nats-server"}).nats_server
        self._store = directory / "store"
        self._configuration = directory / "nats.conf"
        self._configuration.write_text(with_administrator(CONFIGURATION.read_text()))
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    async def start(self) -> None:
        assert self._process is None, "the server runs already"
        environment = os.environ | passwords() | {"TIDEGATE_NATS_STORE_DIRECTORY": str(self._store)}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(self._binary),
                *("-c", str(self._configuration), "-a", "127.0.0.1", "-p", str(self.port), "-m", str(free_port())),
                env=environment,
                stdout=log,
                stderr=log,
            )
        await self._answering()

    async def kill(self) -> None:
        """As the kernel would: no goodbye, nothing flushed."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Returns when it stands still: until all of its threads do, it may still answer."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            os.kill(process.pid, number)
            if number != signal.SIGKILL:
                os.kill(process.pid, signal.SIGCONT)
            await process.wait()

    async def _answering(self) -> None:
        async with asyncio.timeout(START_WITHIN_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    assert self._process is not None
                    assert self._process.returncode is None, self.log.read_text()
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[Connection]:
        async with connected(self.url, name="test", user=ADMINISTRATOR, password=ADMINISTRATOR) as connection:
            yield connection

    @asynccontextmanager
    async def connected(self, user: str) -> AsyncIterator[Connection]:
        async with connected(self.url, name=f"test-{user}", user=user, password=password(user)) as connection:
            yield connection


@asynccontextmanager
async def nats_server(*, declared: bool = True) -> AsyncIterator[NatsServer]:
    """A running server, with the product's streams and consumers unless told otherwise; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tidegate-nats-") as directory:
        server = NatsServer(Path(directory))
        await server.start()
        try:
            if declared:
                async with server.connected("deploy") as connection:
                    await topology.declare(connection)
            yield server
        finally:
            await server.kill()

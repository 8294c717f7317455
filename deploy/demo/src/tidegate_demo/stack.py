"""The services as separate processes inside a sandbox: started, killed, frozen and started again by name.

Used by the demo, the bench and the tests with kills. A service is ready when it says so in its own log, which is how a
process in another network namespace can be watched without a port. Nothing here knows what a service does.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tidegate_sandbox.sandbox import exec_command
from tidegate_sandbox.state import SandboxState

READY_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 20.0
LOG_POLL_S: Final = 0.02
COPIES_MAX: Final = 10


class ServiceKind(NamedTuple):
    module: str
    http_port: int
    """Of the first copy; the next ones follow."""
    kubernetes: bool


SERVICES: Final[Mapping[str, ServiceKind]] = {
    "orchestrator": ServiceKind("tidegate_orchestrator", 9400, kubernetes=False),
    "workload-controller": ServiceKind("tidegate_workload_controller", 9410, kubernetes=True),
    "traffic-shifter": ServiceKind("tidegate_traffic_shifter", 9420, kubernetes=True),
    "metrics-analyzer": ServiceKind("tidegate_metrics_analyzer", 9430, kubernetes=True),
}
FRONT_DOORS: Final[Mapping[str, ServiceKind]] = {
    "rollout-operator": ServiceKind("tidegate_rollout_operator", 9440, kubernetes=True),
}
"""Services that the others do without: started by name."""


class StackError(RuntimeError):
    """A service did not start; the message holds the end of its log."""


class ServiceProcess:
    """One copy of one service."""

    def __init__(self, name: str, copy: int, process: asyncio.subprocess.Process, log_path: Path) -> None:
        self.name = name
        self.copy = copy
        self.log_path = log_path
        self.ready_after_s = 0.0
        self._process = process

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The service itself, by its number outside the sandbox: the launcher's only child."""
        launcher = self._process.pid
        children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text(encoding="ascii").split()
        return int(children[0])

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """Ends it as a crash would, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> int:
        """Asks it to stop and returns its exit code."""
        if self._process.returncode is None:
            self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)


class Stack:
    """All copies of all services of one sandbox."""

    def __init__(self, state: SandboxState, extra_environment: Mapping[str, str] | None = None) -> None:
        self.state = state
        self._extra = dict(extra_environment or {})
        self._running: dict[tuple[str, int], ServiceProcess] = {}

    def __getitem__(self, name: str) -> ServiceProcess:
        return self._running[name, 1]

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self._running}

    def copies(self, name: str) -> list[ServiceProcess]:
        return [process for (kind, _), process in sorted(self._running.items()) if kind == name]

    async def declare_topology(self) -> None:
        """Streams and consumers, as the deploy job does."""
        environment = self._bus_environment("deploy")
        code, output = await self._run([sys.executable, "-m", "tidegate_chassis.topology", "declare"], environment)
        if code != 0:
            raise StackError(f"the topology was not declared (exit {code}):\n{output}")

    async def start_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name in SERVICES:
                group.create_task(self.start(name))

    async def start(self, name: str, copy: int = 1, environment: Mapping[str, str] | None = None) -> ServiceProcess:
        """Starts one copy, with what is its own in its environment, and returns when it says that it is ready."""
        assert 1 <= copy <= COPIES_MAX, "copies are numbered from 1"
        log_path = self.state.log_directory / f"{name}-{copy}.log"
        offset = log_path.stat().st_size if log_path.exists() else 0
        started_s = time.monotonic()
        with log_path.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *exec_command(self.state, [sys.executable, "-m", _kind(name).module]),
                env={**os.environ, **self._environment(name, copy), **(environment or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        service = ServiceProcess(name, copy, process, log_path)
        self._running[name, copy] = service
        await self._wait_until_ready(service, offset)
        service.ready_after_s = time.monotonic() - started_s
        return service

    async def restart(self, name: str, copy: int = 1) -> ServiceProcess:
        """Starts a copy anew after it was killed."""
        assert not self._running[name, copy].running, "kill or stop it first"
        return await self.start(name, copy)

    async def run_once(
        self, name: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """A service's own command, as the service is started; its exit code, and all that it said."""
        command = [sys.executable, "-m", _kind(name).module, *arguments]
        return await self._run(command, {**self._environment(name, COPIES_MAX), **(environment or {})})

    async def stop_all(self) -> None:
        running = [service for service in self._running.values() if service.running]
        await asyncio.gather(*(service.stop() for service in running))
        self._running.clear()

    def _environment(self, name: str, copy: int) -> dict[str, str]:
        kind = _kind(name)
        kubeconfig = self.state.kubeconfig_inside_directory / f"{name}.yaml" if kind.kubernetes else ""
        return {
            **self._bus_environment(name),
            "TIDEGATE_KUBECONFIG": str(kubeconfig),
            "TIDEGATE_PROMETHEUS_URL": self.state.prometheus_url_inside,
            "TIDEGATE_HTTP_PORT": str(kind.http_port + copy - 1),
            **self._extra,
        }

    def _bus_environment(self, user: str) -> dict[str, str]:
        return {
            "TIDEGATE_NATS_URL": self.state.nats_url_inside,
            "TIDEGATE_NATS_USER": user,
            "TIDEGATE_NATS_PASSWORD": self.state.nats_passwords[user],
        }

    async def _run(self, command: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *exec_command(self.state, command),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None, "it was waited for"
        return process.returncode, output.decode(errors="replace")

    async def _wait_until_ready(self, service: ServiceProcess, offset: int) -> None:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not _says_ready(service.log_path, offset):
            if not service.running or time.monotonic() > deadline_s:
                tail = service.log_path.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise StackError(f"{service.name} did not get ready. Its log ends:\n{tail}")
            await asyncio.sleep(LOG_POLL_S)


def _kind(name: str) -> ServiceKind:
    return SERVICES.get(name) or FRONT_DOORS[name]


def _says_ready(log_path: Path, offset: int) -> bool:
    with log_path.open("rb") as log:
        log.seek(offset)
        return any(_event(line) == "ready" for line in log.read().splitlines())


def _event(line: bytes) -> str | None:
    try:
        decoded = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.MsgspecError:
        return None
    event = decoded.get("event")
    return event if isinstance(event, str) else None


@asynccontextmanager
async def running_stack(
    state: SandboxState, extra_environment: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """The bus declared and every service ready; all stopped at the end."""
    stack = Stack(state, extra_environment)
    await stack.declare_topology()
    try:
        await stack.start_all()
        yield stack
    finally:
        await stack.stop_all()

"""What a metrics-analyzer says about itself, read inside the sandbox: how late its measurements were, what it holds."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

from tidegate_demo.stack import SERVICES, ServiceProcess
from tidegate_sandbox.sandbox import exec_command
from tidegate_sandbox.state import SandboxState

FETCH: Final = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
TICK: Final = "tidegate_tick_late_seconds"


class Lateness(NamedTuple):
    """Of all measurements so far: how many there were, and how many of them were asked for in time."""

    ticks: int
    within_1_s: int
    within_100_ms: int


async def lateness(state: SandboxState, service: ServiceProcess) -> Lateness:
    return lateness_of(await page(state, service))


async def held(state: SandboxState, service: ServiceProcess) -> int:
    return int(value(await page(state, service), "tidegate_orders_held"))


async def page(state: SandboxState, service: ServiceProcess) -> str:
    port = SERVICES[service.name].http_port + service.copy - 1
    return await fetched(state, f"http://127.0.0.1:{port}/metrics")


async def fetched(state: SandboxState, url: str) -> str:
    """What a server inside the sandbox answers."""
    command = exec_command(state, [sys.executable, "-c", FETCH, url])
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{url} could not be read")
    return output.decode()


def lateness_of(metrics: str) -> Lateness:
    bounds = ((f"{TICK}_count", None), (f"{TICK}_bucket", "1.0"), (f"{TICK}_bucket", "0.1"))
    return Lateness(*(int(value(metrics, name, bound)) for name, bound in bounds))


def value(metrics: str, name: str, bound: str | None = None) -> float:
    """Of one metric, or of one of a histogram's bounds; 0 where it isn't there yet."""
    wanted = name if bound is None else f'{name}{{le="{bound}"}}'
    return next(_values(metrics, wanted), 0.0)


def _values(metrics: str, wanted: str) -> Iterator[float]:
    for line in metrics.splitlines():
        name, _, text = line.rpartition(" ")
        if name == wanted:
            yield float(text)

"""What a plan is made of: processes that stay, and chores that are done once.

The package `parts` describes them, `plan` orders them, `keeper` runs the processes. Descriptions only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate_sandbox.errors import SandboxError

READY_TIMEOUT_S = 60.0
PROBE_EVERY_S = 0.05
PROBE_TIMEOUT_S = 5.0


class NotReadyError(Exception):
    """A probe's answer while a part is still starting."""


Probe = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Process:
    """A program that runs as long as the sandbox.

    Args:
        name: what people call it; also its log's file name.
        needs: steps that must be ready before.
        command: makes the command line at each start (files of earlier steps exist by then).
        probe: returns when the part answers, raises `NotReadyError` until then.
        environment: added to a minimal environment.
    """

    name: str
    needs: tuple[str, ...] = ()
    command: Callable[[], Sequence[str]]
    probe: Probe
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Chore:
    """Something to do once, between parts: write a file, apply a manifest."""

    name: str
    needs: tuple[str, ...] = ()
    run: Callable[[], Awaitable[None]]


Step = Process | Chore


async def wait_for(probe: Probe, *, what: str) -> None:
    """Probe again and again until it no longer raises `NotReadyError`."""
    last = ""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while True:
                try:
                    return await probe()
                except NotReadyError as error:
                    last = str(error)
                await asyncio.sleep(PROBE_EVERY_S)
    except TimeoutError:
        raise SandboxError(f"{what} took longer than {READY_TIMEOUT_S:.0f} s", detail=last) from None

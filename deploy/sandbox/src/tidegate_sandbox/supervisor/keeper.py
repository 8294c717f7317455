"""Keeps one part alive: starts it, probes it, starts it again when it dies, and obeys kill, hold, freeze.

`plan` starts it first; `control` passes on what people and tests order later. A part that dies before it was ever
ready fails the sandbox; one that dies later comes back, more slowly each time it dies young.
"""

import asyncio
import enum
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor.children import Child, Children
from tidegate_sandbox.supervisor.messages import PartStatus
from tidegate_sandbox.supervisor.steps import PROBE_EVERY_S, PROBE_TIMEOUT_S, READY_TIMEOUT_S, NotReadyError, Process

RESTART_AFTER_S = 0.1
RESTART_AFTER_MAX_S = 5.0
YOUNG_S = 10.0
LOG_LINES_SHOWN = 20


class State(enum.StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    FROZEN = "frozen"
    DOWN = "down"
    FAILED = "failed"


class Keeper:
    """One part's life."""

    def __init__(self, process: Process, children: Children, directory: Path) -> None:
        self._process = process
        self._children = children
        self._directory = directory
        self.log = directory / "logs" / f"{process.name}.log"
        self._child: Child | None = None
        self._state = State.WAITING
        self._changed = asyncio.Event()
        self._released = asyncio.Event()
        self._was_ready = False
        self._deaths = 0
        self._last_death = ""
        self._life: asyncio.Task[None] | None = None

    @property
    def status(self) -> PartStatus:
        pid = self._child.pid if self._child else None
        return PartStatus(
            name=self._process.name, state=self._state, pid=pid, deaths=self._deaths, last_death=self._last_death
        )

    async def start(self) -> None:
        """Start for the first time; returns when the part is ready, raises when it dies or does not answer."""
        self._life = asyncio.create_task(self._live(), name=f"keeper of {self._process.name}")
        await self.release()

    async def release(self) -> None:
        """Start a part that was halted, or wait until one that is coming back is ready."""
        self._released.set()
        await self.wait_until_ready()

    async def wait_until_ready(self) -> None:
        await self._until(lambda: self._state in {State.READY, State.FAILED})
        if self._state is State.FAILED:
            raise self._error(self._last_death)

    async def kill(self, *, hold: bool) -> None:
        """`kill -9`, and wait for the end; with `hold` it stays down until `release`."""
        if hold:
            self._released.clear()
        child = self._child
        if child is not None:
            child.killed_by_us = True
            child.send(signal.SIGKILL)
            await self._until(lambda: self._child is not child)

    async def freeze(self) -> None:
        """SIGSTOP, and wait for it: from then on it keeps its sockets but answers nothing."""
        child = self._running_child()
        await child.stop()
        if not child.ended.done():
            self._become(State.FROZEN)

    def thaw(self) -> None:
        self._running_child().go_on()
        self._become(State.READY)

    def _running_child(self) -> Child:
        if self._child is None or self._state not in {State.READY, State.FROZEN}:
            raise SandboxError(f"{self._process.name} is {self._state}, so it can't be frozen or thawed")
        return self._child

    async def _live(self) -> None:
        while self._state is not State.FAILED:
            await self._released.wait()
            started = time.monotonic()
            self._become(State.STARTING)
            try:
                await self._one_life()
            except (OSError, SandboxError) as error:
                self._last_death = str(error)
            self._child = None
            self._become(State.DOWN if self._was_ready else State.FAILED)
            young = time.monotonic() - started < YOUNG_S
            await asyncio.sleep(min(RESTART_AFTER_S * self._deaths, RESTART_AFTER_MAX_S) if young else RESTART_AFTER_S)

    async def _one_life(self) -> None:
        command, environment = self._process.command(), _environment(self._process.environment)
        child = self._child = self._children.start(command, environment, self._directory, self.log)
        probing = asyncio.create_task(self._probe())
        try:
            code = await child.ended
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
        self._deaths += 1
        self._last_death = _described(code)
        self._report_death(wanted=child.killed_by_us)

    def _report_death(self, *, wanted: bool) -> None:
        """To the supervisor's log; with the end of the part's own log when nobody ordered it."""
        told = f"{self._process.name} {self._last_death}{', as ordered' if wanted else ''}"
        if not wanted:
            told += f"; the end of {self.log}:\n{last_lines(self.log)}"
        print(told, file=sys.stderr, flush=True)  # noqa: T201 - the log

    async def _probe(self) -> None:
        while True:
            try:
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    await self._process.probe()
            except (NotReadyError, OSError, TimeoutError):
                await asyncio.sleep(PROBE_EVERY_S)
            else:
                self._was_ready = True
                return self._become(State.READY)

    def _become(self, state: State) -> None:
        self._state = state
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while not condition():
                    await self._changed.wait()
        except TimeoutError:
            raise self._error(f"is still {self._state} after {READY_TIMEOUT_S:.0f} s") from None

    def _error(self, what: str) -> SandboxError:
        return SandboxError(f"{self._process.name} {what}", detail=f"the end of {self.log}:\n{last_lines(self.log)}")


def last_lines(log: Path, count: int = LOG_LINES_SHOWN) -> str:
    """The end of a log, for an error message."""
    try:
        with log.open("rb") as lines:
            lines.seek(max(0, log.stat().st_size - 16384))
            return "\n".join(lines.read().decode(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return "(it wrote nothing)"


def _described(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was ended by {signal.Signals(-exit_code).name}"


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ}
    return kept | dict(extra)

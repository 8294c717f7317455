"""Starts a supervisor in namespaces of its own, detached from whoever asked, and waits until its sandbox is up.

`sandbox.up` is the only caller. What must come from the outside is made here and inherited: the listening sockets
of the doors, the lock that says that the sandbox lives, the pipe for reports.
"""

import fcntl
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from tidegate_sandbox import addresses, files
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor.settings import Report, Settings

UP_TIMEOUT_S = 120.0
LISTEN_BACKLOG = 1024
LOCK = "lock"
# Called with a step's name and the seconds since the start.
OnStep = Callable[[str, float], None]


def claim(directory: Path) -> "Lock":
    """The directory of a sandbox that is not running, emptied; released when the supervisor that inherits it ends."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    return Lock(directory)


class Lock:
    """Held by the supervisor as long as it lives, through the inherited descriptor."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor = os.open(directory / LOCK, os.O_CREAT | os.O_RDWR, 0o600)

    def fileno(self) -> int:
        return self._descriptor

    def __enter__(self) -> Self:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise SandboxError(
                f"the sandbox {self._directory.name} is up already",
                remedy=f"use it, take it down (`python -m tidegate_sandbox down --name {self._directory.name}`), "
                "or choose another name",
            ) from None
        for entry in self._directory.iterdir():
            if entry.name != LOCK:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def listen() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((addresses.LOOPBACK, 0))
    listener.listen(LISTEN_BACKLOG)
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"{host}:{port}"


def start_supervisor(prefix: list[str], settings: Settings, inherited: list[int]) -> None:
    """Detached: not our child, in a session of its own, so that it outlives us and our terminal."""
    (settings.directory / "logs").mkdir()
    settings_file = settings.directory / "settings.json"
    files.write_private(settings_file, settings)
    command = ["setsid", "--fork", *prefix, sys.executable, "-m", "tidegate_sandbox.supervisor", str(settings_file)]
    with (settings.directory / "logs" / "supervisor.log").open("ab") as log:
        subprocess.run(
            command,
            cwd=settings.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=inherited,
            check=True,
            timeout=UP_TIMEOUT_S,
        )


def wait_until_up(report: int, directory: Path, on_step: OnStep | None) -> float:
    deadline = time.monotonic() + UP_TIMEOUT_S
    pending = b""
    while True:
        if not select.select([report], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise SandboxError(f"the sandbox is not up after {UP_TIMEOUT_S:.0f} s", remedy=f"look at {directory}/logs")
        chunk = os.read(report, 65536)
        if not chunk:
            log = directory / "logs" / "supervisor.log"
            detail = log.read_text(errors="replace")[-2000:]
            raise SandboxError("the sandbox's supervisor ended", detail=detail, remedy=f"look at {directory}/logs")
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            heard = msgspec.json.decode(line, type=Report)
            if heard.failure:
                raise SandboxError(heard.failure, remedy=f"look at {directory}/logs")
            if heard.up:
                return heard.elapsed_s
            if on_step is not None:
                on_step(heard.step, heard.elapsed_s)

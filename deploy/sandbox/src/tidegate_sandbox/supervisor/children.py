"""Starts processes and hears of their stops and ends, as process 1 must: orphans of others are reaped here too.

The keeper of each part starts its process here and awaits the end. asyncio's own child watching is not used: it
waits for single processes and would leave the orphans as zombies.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Child:
    """One running process."""

    def __init__(self, process: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._process = process
        self.pid = process.pid
        self.killed_by_us = False
        self.ended: asyncio.Future[int] = loop.create_future()
        self._stands_still = asyncio.Event()

    def send(self, number: signal.Signals) -> None:
        if not self.ended.done():
            os.kill(self.pid, number)

    async def stop(self) -> None:
        """SIGSTOP, and wait until it stands still, or has ended: on a busy machine its threads run on for a while."""
        self.send(signal.SIGSTOP)
        await self._stands_still.wait()

    def go_on(self) -> None:
        self._stands_still.clear()
        self.send(signal.SIGCONT)

    def has_stopped(self) -> None:
        self._stands_still.set()

    def has_gone_on(self) -> None:
        self._stands_still.clear()

    def has_ended(self, exit_code: int) -> None:
        self._stands_still.set()
        self._process.returncode = exit_code
        self.ended.set_result(exit_code)


class Children:
    """All processes of the sandbox, by process id."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._children: dict[int, Child] = {}
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def start(self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path) -> Child:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        child = Child(process, self._loop)
        self._children[child.pid] = child
        return child

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (child := self._children.get(pid)) is None:
                continue
            if os.WIFSTOPPED(status):
                child.has_stopped()
            elif os.WIFCONTINUED(status):
                child.has_gone_on()
            else:
                del self._children[pid]
                child.has_ended(os.waitstatus_to_exitcode(status))

"""A steady load through the proxy, as a process inside the sandbox, and what it saw so far."""

import asyncio
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tidegate_sandbox.load.exchange import HttpVersion
from tidegate_sandbox.load.journal import Follower
from tidegate_sandbox.load.tally import Summary, Window
from tidegate_sandbox.sandbox import exec_command
from tidegate_sandbox.state import SandboxState

POLL_S: Final = 0.1
STOP_TIMEOUT_S: Final = 15.0


class Load:
    """Requests at a constant rate from `start` to `stop`."""

    def __init__(
        self,
        state: SandboxState,
        out: Path,
        *,
        host: str,
        rate_per_s: float,
        http_version: HttpVersion = "1.1",
        requests_max: int = 1_000,
    ) -> None:
        self.windows: list[Window] = []
        self.summary: Summary | None = None
        self._state = state
        self._out = out
        target = ["--url", state.proxy_url_inside, "--host-header", host]
        limits = ["--in-flight", str(requests_max)]
        self._arguments = [*target, "--rate", str(rate_per_s), "--http", http_version, *limits]
        self._follower = Follower(out)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "tidegate_sandbox.load", *self._arguments, "--out", str(self._out)]
        self._process = await asyncio.create_subprocess_exec(
            *exec_command(self._state, command), stdout=asyncio.subprocess.DEVNULL
        )

    async def answered(self, version: str, timeout_s: float = 20.0) -> None:
        """Returns once a request was answered by that version."""
        deadline_s = time.monotonic() + timeout_s
        while not any(version in window.versions for window in self.windows):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"no request was answered by {version} within {timeout_s:g} s")
            self.read()
            await asyncio.sleep(POLL_S)

    def read(self) -> None:
        """Takes in what was written since."""
        for line in self._follower.new_lines():
            if isinstance(line, Summary):
                self.summary = line
            else:
                self.windows.append(line)

    async def end(self) -> None:
        """Ends the generator, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)

    async def stop(self) -> Summary:
        """Ends the generator and returns what it saw in all."""
        await self.end()
        self.read()
        assert self.summary is not None, "the load generator writes its summary last"
        return self.summary

    def shares(self, last_s: float) -> dict[str, float]:
        """Percent of the answers by version, over the last seconds."""
        answers: Counter[str] = Counter()
        for window in self._recent(last_s):
            answers.update({version: seen.ok + seen.errors for version, seen in window.versions.items()})
        total = sum(answers.values())
        return {version: 100 * number / total for version, number in sorted(answers.items())} if total else {}

    def success_percent(self, last_s: float) -> dict[str, float]:
        """Percent of good answers by version, over the last seconds."""
        good: Counter[str] = Counter()
        every: Counter[str] = Counter()
        for window in self._recent(last_s):
            for version, seen in window.versions.items():
                good[version] += seen.ok
                every[version] += seen.ok + seen.errors
        return {version: 100 * good[version] / number for version, number in sorted(every.items()) if number}

    def _recent(self, last_s: float) -> list[Window]:
        since_s = self.windows[-1].at_s - last_s if self.windows else 0.0
        return [window for window in self.windows[-int(last_s * 20) :] if window.at_s >= since_s]

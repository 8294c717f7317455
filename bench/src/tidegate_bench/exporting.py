"""A page of metrics that a bench writes and the sandbox's Prometheus scrapes every second."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from tidegate_sandbox.sandbox import exec_command
from tidegate_sandbox.state import SandboxState

PORT: Final = 9480
PAGE: Final = "metrics.txt"


class Page:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        """Whole or not at all: it may be read at any moment."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._path)


@asynccontextmanager
async def exporting(state: SandboxState, scratch: Path) -> AsyncIterator[Page]:
    """The page is empty at first."""
    directory = scratch / "exported"
    directory.mkdir()
    page = Page(directory / PAGE)
    page.write("")
    command = [sys.executable, "-m", "http.server", str(PORT), "--bind", "127.0.0.1", "--directory", str(directory)]
    server = await asyncio.create_subprocess_exec(
        *exec_command(state, command), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    targets = state.prometheus_targets_directory / "bench.json"
    target = {"targets": [f"127.0.0.1:{PORT}"], "labels": {"__metrics_path__": f"/{PAGE}"}}
    fresh = targets.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(msgspec.json.encode([target]))
    fresh.replace(targets)
    try:
        yield page
    finally:
        targets.unlink()
        server.terminate()
        await server.wait()

"""Runs a cluster's scripts, each in a new process that is killed when it takes too long. Used by the edges for scripts.

A script is a pure function of its input: what it said is remembered, and a pass that changes nothing starts nothing.
Whatever a script does comes back as a value, never as an error: nothing of it reaches the event loop.
"""

import asyncio
import hashlib
import os
import sys
from collections import OrderedDict
from typing import Any, Final

import msgspec

from tidegate_traffic_shifter.lua.answer import Failed, Result, read

START_S_MAX: Final = 10.0
"""Until the process is ready: a machine that is busy may take its time, and no script has run yet."""
RUN_S_MAX: Final = 1.0
"""For the script: Kruise's own deadline."""
END_S_MAX: Final = 0.1
"""After it has answered, or its time is over."""
SCRIPT_BYTES_MAX: Final = 128 * 1024
INPUT_BYTES_MAX: Final = 512 * 1024
OUTPUT_BYTES_MAX: Final = 512 * 1024
PROCESSES_MAX: Final = 4
REMEMBERED_MAX: Final = 256
"""Results; the oldest go first."""

_COMMAND: Final = (sys.executable, "-I", "-m", "tidegate_traffic_shifter.lua")


class Runner:
    """All scripts of a service."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(PROCESSES_MAX)
        self._said: OrderedDict[bytes, bytes] = OrderedDict()

    async def run(self, script: str, given: Any) -> Result:
        """What the script makes of its input, which it finds as `obj`."""
        source, data = script.encode(), msgspec.json.encode(given, order="sorted")
        for what, size, most in (("a script", source, SCRIPT_BYTES_MAX), ("a script's input", data, INPUT_BYTES_MAX)):
            if len(size) > most:
                return Failed(f"{what} of {len(size)} bytes, at most are {most}")
        key = hashlib.sha256(b"%d:%b%b" % (len(source), source, data)).digest()
        if key in self._said:
            self._said.move_to_end(key)
            return read(self._said[key])
        async with self._places:
            answer = await _answer(source, data)
        if isinstance(answer, Failed):
            return answer
        self._remember(key, answer)
        return read(answer)

    def _remember(self, key: bytes, answer: bytes) -> None:
        self._said[key] = answer
        if len(self._said) > REMEMBERED_MAX:
            self._said.popitem(last=False)


async def _answer(script: bytes, given: bytes) -> bytes | Failed:
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=os.sep,
        env={},
        start_new_session=True,
    )
    try:
        return await _conversation(process, b"%08x%b%b" % (len(script), script, given))
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """One that has answered ends by itself; whatever else it may be doing, it is ended."""
    try:
        async with asyncio.timeout(END_S_MAX):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _conversation(process: asyncio.subprocess.Process, request: bytes) -> bytes | Failed:
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    try:
        async with asyncio.timeout(START_S_MAX):
            if not await process.stdout.read(1):
                return Failed("the process for scripts doesn't start")
    except TimeoutError:
        return Failed(f"the process for scripts was not ready within {START_S_MAX:g} s")
    try:
        async with asyncio.timeout(RUN_S_MAX):
            process.stdin.write(request)
            process.stdin.write_eof()
            answer = await _all_of(process.stdout)
    except TimeoutError:
        return Failed(f"it did not end within {RUN_S_MAX:g} s")
    except (BrokenPipeError, ConnectionResetError):
        answer = b""
    if len(answer) > OUTPUT_BYTES_MAX:
        return Failed(f"its result is longer than {OUTPUT_BYTES_MAX} bytes")
    return answer or Failed("it was stopped: it took too much time or memory, or broke its interpreter")


async def _all_of(stream: asyncio.StreamReader) -> bytes:
    """Everything, but no more than just beyond the limit."""
    found = b""
    while len(found) <= OUTPUT_BYTES_MAX and (part := await stream.read(OUTPUT_BYTES_MAX + 1)):
        found += part
    return found

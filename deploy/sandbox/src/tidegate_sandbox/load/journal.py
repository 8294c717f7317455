"""The run as a file of JSON lines: one per window, and the summary last.

`__main__` writes it; the demo's view and the tests read it, while it grows or afterwards.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, TextIO

import msgspec

from tidegate_sandbox.load.tally import Record, Summary, Window

POLL_S: Final = 0.05
Line = Window | Summary
_DECODER: Final = msgspec.json.Decoder(Line)
_ENCODER: Final = msgspec.json.Encoder()


class Journal:
    """Writes lines, each of them whole on the disk's side of the buffer before the next."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: Line | Record) -> None:
        self._file.write(_ENCODER.encode(line).decode() + "\n")
        self._file.flush()


def read(path: Path) -> Iterator[Line]:
    """Every whole line written so far."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _DECODER.decode(line)


class Follower:
    """Hands out the lines that were added since it was last asked; none while there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_lines(self) -> list[Line]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [_DECODER.decode(line) for line in whole.splitlines()]


async def follow(path: Path) -> AsyncIterator[Line]:
    """Every line as it comes, up to and with the summary; waits for the file to appear."""
    follower = Follower(path)
    while True:
        for line in follower.new_lines():
            yield line
            if isinstance(line, Summary):
                return
        await asyncio.sleep(POLL_S)

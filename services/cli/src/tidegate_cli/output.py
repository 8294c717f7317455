"""Where answers go: text or JSON to standard output, errors to standard error (in JSON, to standard output as well).

`-o json` prints one document per answer; commands that go on (watch, events --follow) print one document a line.
"""

import os
import sys
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from rich.console import Console, RenderableType

from tidegate_cli.errors import CommandError
from tidegate_cli.settings import Output

PIPE_WIDTH: Final = 200
"""Columns where nobody says how wide the terminal is, so that lines stay whole for grep."""

_ENCODER: Final = msgspec.json.Encoder()


class Printer:
    def __init__(self, output: Output) -> None:
        self.is_json = output == "json"
        self.console = Console(highlight=False, width=None if _has_width() else PIPE_WIDTH)
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def document(self, value: Any, text: RenderableType) -> None:
        """One answer: `value` for programs, `text` for people."""
        if self.is_json:
            print(msgspec.json.format(_ENCODER.encode(value), indent=2).decode())  # noqa: T201 - a command's answer
        else:
            self.console.print(text)

    def line(self, value: Any, text: RenderableType) -> None:
        """One of many answers, each on a line of its own."""
        if self.is_json:
            print(_ENCODER.encode(value).decode(), flush=True)  # noqa: T201 - a command's answer
        else:
            self.console.print(text)

    def note(self, text: str) -> None:
        """Something for people only."""
        if not self.is_json:
            self.console.print(text)

    def error(self, error: CommandError) -> None:
        if self.is_json:
            self.document(
                {
                    "error": {
                        "message": error.message,
                        "remedy": error.remedy,
                        "problems": error.problems,
                        "exit_code": int(error.code),
                    }
                },
                "",
            )
            return
        for line in _error_lines(error):
            self._errors.print(line, markup=False)


def _has_width() -> bool:
    return sys.stdout.isatty() or "COLUMNS" in os.environ


def _error_lines(error: CommandError) -> Iterable[str]:
    yield f"error: {error.message}"
    for problem in error.problems:
        yield f"  {problem.field}: {problem.value!r}"
        yield f"      rule:   {problem.rule}"
        yield f"      remedy: {problem.remedy}"
    if error.remedy:
        yield f"remedy: {error.remedy}"

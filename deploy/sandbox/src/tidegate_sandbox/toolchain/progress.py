"""Tells whoever waits for a build what is being made, how far it is and how long it should take.

`builder` reports to a `Progress`; a terminal gets a live table, anything else (a CI log) a plain line now and then.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

PLAIN_LINE_EVERY_S = 15.0


class Progress(Protocol):
    """What a builder says while it works."""

    def begin(self, names: list[str], expected_s: int) -> None: ...
    def step(self, name: str, number: int, count: int, expected_s: int) -> None: ...
    def note(self, detail: str) -> None: ...
    def done(self) -> None: ...


@contextmanager
def shown_on_stderr() -> Iterator[Progress]:
    """A display that fits standard error: live on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        console = Console(stderr=True)
        with Live(console=console, refresh_per_second=4, transient=False) as live:
            yield LiveTable(live)
    else:
        yield PlainLines()


class PlainLines:
    """One line when a step begins and ends, and one every quarter of a minute between."""

    def __init__(self) -> None:
        self._step = ""
        self._expected_s = 0
        self._started = 0.0
        self._last_line = 0.0

    def begin(self, names: list[str], expected_s: int) -> None:
        self._step = "building into the cache, once"
        self._say(headline(names, expected_s))

    def step(self, name: str, number: int, count: int, expected_s: int) -> None:
        self._step, self._expected_s = f"[{number}/{count}] {name}", expected_s
        self._started = self._last_line = time.monotonic()
        self._say(f"started, takes about {duration(expected_s)} from nothing on 2 cores")

    def note(self, detail: str) -> None:
        if time.monotonic() - self._last_line >= PLAIN_LINE_EVERY_S:
            self._last_line = time.monotonic()
            elapsed = duration(time.monotonic() - self._started)
            self._say(f"{elapsed} of about {duration(self._expected_s)}: {detail}")

    def done(self) -> None:
        self._say(f"ready after {duration(time.monotonic() - self._started)}")

    def _say(self, message: str) -> None:
        print(f"{self._step}: {message}", file=sys.stderr, flush=True)  # noqa: T201 - this class is the display


class LiveTable:
    """One row per step, redrawn while it runs."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._finished: list[tuple[str, str]] = []
        self._step = ""
        self._expected_s = 0
        self._started = 0.0

    def begin(self, names: list[str], expected_s: int) -> None:
        self._live.console.print(f"Building into the cache, once: {headline(names, expected_s)}", highlight=False)

    def step(self, name: str, number: int, count: int, expected_s: int) -> None:
        self._step, self._expected_s = f"{number}/{count} {name}", expected_s
        self._started = time.monotonic()
        self.note("starting")

    def note(self, detail: str) -> None:
        elapsed_s = time.monotonic() - self._started
        share = min(0.99, elapsed_s / max(1, self._expected_s))
        times = f"{duration(elapsed_s)} of about {duration(self._expected_s)}"
        self._draw(f"[cyan]{bar(share)}[/] {times}", detail)

    def done(self) -> None:
        elapsed = duration(time.monotonic() - self._started)
        self._finished.append((self._step, f"[green]{bar(1.0)}[/] ready after {elapsed}"))
        self._step = ""
        self._draw("", "")

    def _draw(self, state: str, detail: str) -> None:
        table = Table.grid(padding=(0, 2))
        for name, line in self._finished:
            table.add_row(name, line, "")
        if self._step:
            table.add_row(f"[bold]{self._step}[/]", state, f"[dim]{detail[-60:]}[/]")
        self._live.update(table)


def headline(names: list[str], expected_s: int) -> str:
    """What will be made and how long all of it takes."""
    return f"{', '.join(names)}; about {duration(expected_s)} on 2 cores"


def bar(share: float, width: int = 20) -> str:
    """A bar of `width` characters, filled by `share` (0 to 1)."""
    filled = round(share * width)
    return "█" * filled + "░" * (width - filled)


def duration(seconds: float) -> str:
    """`42 s` below two minutes, `5 min 03 s` above."""
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60:02d} s"  # noqa: PLR2004

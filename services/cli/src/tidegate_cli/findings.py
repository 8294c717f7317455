"""What `doctor` finds: one sentence each, good or not, and how to mend it."""

from typing import Literal

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

State = Literal["good", "warning", "fault"]
_MARK: dict[State, tuple[str, str]] = {"good": ("ok", "green"), "warning": ("!", "yellow"), "fault": ("x", "bold red")}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    about: str
    state: State
    detail: str
    remedy: str = ""


def good(about: str, detail: str) -> Finding:
    return Finding(about=about, state="good", detail=detail)


def warning(about: str, detail: str, remedy: str) -> Finding:
    return Finding(about=about, state="warning", detail=detail, remedy=remedy)


def fault(about: str, detail: str, remedy: str) -> Finding:
    return Finding(about=about, state="fault", detail=detail, remedy=remedy)


def table(findings: list[Finding]) -> RenderableType:
    drawn = Table(box=None, pad_edge=False, show_header=False)
    for no_wrap in (True, True, False):
        drawn.add_column(no_wrap=no_wrap)
    for finding in findings:
        mark, style = _MARK[finding.state]
        drawn.add_row(Text(mark, style=style), Text(finding.about, style="bold"), Text(finding.detail))
        if finding.remedy:
            drawn.add_row("", "", Text(f"remedy: {finding.remedy}", style=style))
    return drawn

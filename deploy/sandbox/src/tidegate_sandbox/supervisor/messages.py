"""What goes over the control socket: an order in, an answer out, one JSON line each."""

from typing import Literal

import msgspec

Action = Literal["kill", "halt", "start", "stop", "cont", "ready"]


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One part as `status` shows it; the process id is the one inside the sandbox."""

    name: str
    state: str
    pid: int | None = None
    deaths: int = 0
    last_death: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Without a part it only asks how all of them are."""

    part: str = ""
    action: Action | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Every part after the order, or why it was not carried out."""

    parts: tuple[PartStatus, ...] = ()
    error: str = ""

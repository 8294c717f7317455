"""Times that are over, as a command line says them, and a clock that is moved from one to the next.

Used by `by_hand`: a template is measured as it would have been then, one measurement after the other.
"""

from datetime import datetime
from typing import Final, NamedTuple

from tidegate_metrics_analyzer.argo import duration

RULE: Final = "a time that is over: such as 2026-11-28T14:00:00Z, with its zone, or how long ago, such as 90m"


class Period(NamedTuple):
    """Epoch seconds, both included; a moment where they are the same."""

    since_s: float
    until_s: float


class PastClock:
    """Stands at the moment that it was moved to."""

    def __init__(self, at_s: float) -> None:
        self._at_s = at_s

    def move_to(self, at_s: float) -> None:
        self._at_s = at_s

    def now_s(self) -> float:
        return self._at_s

    def monotonic_s(self) -> float:
        return self._at_s

    async def sleep(self, seconds: float) -> None:
        self._at_s += seconds


def moment_s(text: str, now_s: float) -> float:
    """The moment in epoch seconds.

    Raises:
        ValueError: it is no time, or one that is still to come.
    """
    ago_s = duration.seconds(text)
    at_s = now_s - ago_s if ago_s is not None else _of_calendar(text)
    if not 0 <= at_s <= now_s:
        raise ValueError(f"{text!r} is not {RULE}")
    return at_s


def period(at: str | None, since: str | None, until: str | None, now_s: float) -> Period | None:
    """What `--at`, or `--since` and `--until`, say; None where nothing is said: then it is measured now.

    Raises:
        ValueError: one of them is no time that is over, or they don't go together.
    """
    if at is not None:
        if since is not None or until is not None:
            raise ValueError("--at stands alone: give a moment, or a time from --since to --until")
        return Period(moment_s(at, now_s), moment_s(at, now_s))
    if since is None:
        if until is not None:
            raise ValueError("--until needs --since: say where the time begins, or give a moment with --at")
        return None
    found = Period(moment_s(since, now_s), moment_s(until, now_s) if until is not None else now_s)
    if found.since_s > found.until_s:
        raise ValueError(f"--since {since} is after --until {until}: swap them")
    return found


def _of_calendar(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"{text!r} is not {RULE}")
    return at.timestamp()

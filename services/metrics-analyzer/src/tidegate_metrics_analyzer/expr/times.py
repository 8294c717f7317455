"""Durations and moments as Go writes and reads them. Pure; called by `functions_times`, `methods`, `formatting` and
`marshalling`.

A moment is exact to the microsecond, not the nanosecond; a duration to the nanosecond.
"""

import re
from datetime import UTC
from typing import Final

from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.values import INT_MAX, Duration, Moment

UNITS: Final = {
    "ns": 1,
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs"), 1_000),
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
SECOND_NANOSECONDS: Final = UNITS["s"]


def duration_of(text: str) -> Duration:
    """`1h30m`, `-1.5s`, `0`."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return Duration(0)
    total, at = 0, 0
    while at < len(rest):
        found = PART.match(rest, at)
        if found is None or not (found[1] or found[2]) or found[3] not in UNITS:
            raise no_answer(f"time: invalid duration {text!r}")
        total += _part(found[1], found[2] or "", UNITS[found[3]])
        at = found.end()
    if not rest or total > INT_MAX:
        raise no_answer(f"time: invalid duration {text!r}")
    return Duration(sign * total)


def _part(whole: str, fraction: str, unit: int) -> int:
    digits = fraction[:18]
    return int(whole or "0") * unit + (int(int(digits) * (unit / 10 ** len(digits))) if digits else 0)


def shown_duration(duration: Duration) -> str:
    size = abs(duration.nanoseconds)
    sign = "-" if duration.nanoseconds < 0 else ""
    if size == 0:
        return "0s"
    if size < SECOND_NANOSECONDS:
        unit = "ns" if size < UNITS["us"] else "\u00b5s" if size < UNITS["ms"] else "ms"
        return f"{sign}{_decimal(size, UNITS[unit])}{unit}"
    minutes, rest = divmod(size, UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    shown = f"{_decimal(rest, SECOND_NANOSECONDS)}s"
    if hours or minutes:
        shown = f"{minutes}m{shown}"
    return f"{sign}{hours}h{shown}" if hours else f"{sign}{shown}"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    fraction = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def shown_time(moment: Moment) -> str:
    """As Go's Time.String, but for the monotonic clock."""
    name = "UTC" if moment.at.tzinfo is UTC else moment.at.tzname()
    return f"{moment.at:%Y-%m-%d %H:%M:%S}{_fraction(moment)} {moment.at:%z} {name}"


def shown_rfc3339(moment: Moment) -> str:
    zone = moment.at.strftime("%z")
    shown = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}"
    return f"{moment.at:%Y-%m-%dT%H:%M:%S}{_fraction(moment)}{shown}"


def _fraction(moment: Moment) -> str:
    return f".{moment.at.microsecond:06d}".rstrip("0") if moment.at.microsecond else ""

"""Times read by Go's layouts, in which an example time shows where what stands. Pure; called by `functions_times`.

A layout becomes a regular expression without a repetition in a repetition, over a text of bounded length: it cannot
run away.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.values import Moment

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LAYOUTS: Final = (
    *("2006-01-02", "15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z07:00", "02 Jan 06 15:04 MST"),
    *("Monday, 02-Jan-06 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 MST"),
)
"""Tried in this order where no layout is given."""

PARTS: Final = {
    "January": f"(?P<month_name>(?i:{'|'.join(MONTHS)}))",
    "Jan": f"(?P<month_name>(?i:{'|'.join(month[:3] for month in MONTHS)}))",
    "Monday": f"(?i:{'|'.join(DAYS)})",
    "Mon": f"(?i:{'|'.join(day[:3] for day in DAYS)})",
    "MST": "(?P<zone>[A-Z]{3,5})",
    "2006": "(?P<year>[0-9]{4})",
    "Z07:00": "(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})",
    "-07:00": "(?P<offset>[+-][0-9]{2}:[0-9]{2})",
    "-0700": "(?P<offset>[+-][0-9]{4})",
    "-07": "(?P<offset>[+-][0-9]{2})",
    "01": "(?P<month>[0-9]{2})",
    "02": "(?P<day>[0-9]{2})",
    "03": "(?P<half_hour>[0-9]{2})",
    "04": "(?P<minute>[0-9]{2})",
    "05": "(?P<second>[0-9]{2})(?P<fraction>[.,][0-9]+)?",
    "06": "(?P<short_year>[0-9]{2})",
    "15": "(?P<hour>[0-9]{1,2})",
    "_2": " ?(?P<day>[0-9]{1,2})",
    "PM": "(?P<half>AM|PM)",
    "pm": "(?P<half>am|pm)",
    "1": "(?P<month>[0-9]{1,2})",
    "2": "(?P<day>[0-9]{1,2})",
    "3": "(?P<half_hour>[0-9]{1,2})",
    "4": "(?P<minute>[0-9]{1,2})",
    "5": "(?P<second>[0-9]{1,2})(?P<fraction>[.,][0-9]+)?",
}
PART: Final = re.compile("|".join(re.escape(part) for part in sorted(PARTS, key=len, reverse=True)))
LAYOUT_CHARACTERS_MAX: Final = 100
LAYOUTS_KEPT_MAX: Final = 64
CENTURY_TURNS_AT: Final = 69
HALF_DAY_HOURS: Final = 12


def moment_of(text: str, layout: str, zone: ZoneInfo | None) -> Moment:
    found = _pattern(layout).fullmatch(text) if len(text) <= LAYOUT_CHARACTERS_MAX else None
    if found is None:
        raise no_answer(f"parsing time {text!r} as {layout!r}: cannot parse")
    parts = {name: value for name, value in found.groupdict().items() if value is not None}
    try:
        return Moment(_moment(parts, zone))
    except ValueError as error:
        raise no_answer(f"parsing time {text!r}: {error}") from None


@lru_cache(maxsize=LAYOUTS_KEPT_MAX)
def _pattern(layout: str) -> "re.Pattern[str]":
    if len(layout) > LAYOUT_CHARACTERS_MAX:
        raise no_answer("a layout of that length is not supported")
    pieces: list[str] = []
    end = 0
    for found in PART.finditer(layout):
        pieces += [re.escape(layout[end : found.start()]), PARTS[found.group()]]
        end = found.end()
    try:
        return re.compile("".join([*pieces, re.escape(layout[end:])]))
    except re.error:
        raise no_answer(f"the layout {layout!r} names a part twice") from None


def _moment(parts: dict[str, str], zone: ZoneInfo | None) -> datetime:
    """Go's zero is the first of January of the year 0, which Python can't tell: such times are of the year 1."""
    return datetime(
        _year(parts),
        _month(parts),
        int(parts.get("day", "1")),
        _hour(parts),
        int(parts.get("minute", "0")),
        int(parts.get("second", "0")),
        int(parts.get("fraction", ".0")[1:7].ljust(6, "0")),
        tzinfo=_offset(parts) or zone or UTC,
    )


def _year(parts: dict[str, str]) -> int:
    if "short_year" in parts:
        short = int(parts["short_year"])
        return short + (1900 if short >= CENTURY_TURNS_AT else 2000)
    return int(parts.get("year", "1"))


def _month(parts: dict[str, str]) -> int:
    name = parts.get("month_name")
    if name is None:
        return int(parts.get("month", "1"))
    return next(number for number, month in enumerate(MONTHS, start=1) if month[:3].lower() == name[:3].lower())


def _hour(parts: dict[str, str]) -> int:
    if "half_hour" not in parts:
        return int(parts.get("hour", "0"))
    hour = int(parts["half_hour"])
    if hour > HALF_DAY_HOURS:
        raise ValueError("hour out of range")
    if "half" not in parts:
        return hour
    return hour % HALF_DAY_HOURS + (HALF_DAY_HOURS if parts["half"].upper() == "PM" else 0)


def _offset(parts: dict[str, str]) -> timezone | None:
    offset = parts.get("offset")
    if offset is None:
        return UTC if parts.get("zone") == "UTC" else None
    if offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if offset[0] == "-" else size)

"""Functions of time: now, duration, date and timezone. Pure: the clock comes with the budget; gathered by
`functions`.
"""

from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import Refused, mismatch, no_answer
from tidegate_metrics_analyzer.expr.functions_texts import text
from tidegate_metrics_analyzer.expr.layouts import LAYOUTS, moment_of
from tidegate_metrics_analyzer.expr.times import duration_of
from tidegate_metrics_analyzer.expr.values import Moment, Value

ARGUMENTS_MAX: Final = 4


def _now(arguments: list[Value], budget: Budget) -> Value:
    if budget.now is None:
        raise no_answer("there is no clock here: now() has no answer")
    if not arguments:
        return Moment(budget.now)
    if not isinstance(arguments[0], ZoneInfo):
        raise mismatch("invalid number of arguments of now")
    return Moment(budget.now.astimezone(arguments[0]))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise no_answer(f"unknown time zone {name}") from None


def _date(arguments: list[Value], _: Budget) -> Value:
    zone = arguments[0] if isinstance(arguments[0], ZoneInfo) else None
    texts = [text(argument) for argument in (arguments if zone is None else arguments[1:])]
    if not texts:
        raise mismatch("date takes a text")
    if len(texts) > len(("date", "layout")):
        zone = _zone(texts[2])
    if len(texts) > 1:
        return moment_of(texts[0], texts[1], zone)
    for layout in LAYOUTS:
        try:
            return moment_of(texts[0], layout, zone)
        except Refused:
            continue
    raise no_answer(f"invalid date {texts[0]}")


TIMES: Final[dict[str, tuple[int, int, Callable[[list[Value], Budget], Value]]]] = {
    "now": (0, 1, _now),
    "duration": (1, 1, lambda arguments, _: duration_of(text(arguments[0]))),
    "date": (1, ARGUMENTS_MAX, _date),
    "timezone": (1, 1, lambda arguments, _: _zone(text(arguments[0]))),
}

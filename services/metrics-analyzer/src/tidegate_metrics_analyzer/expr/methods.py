"""The methods of Go's durations and times that a condition may call: `duration("5m").Seconds()`. Pure; called by
`checker` and `access`.

Only those that answer numbers, texts, booleans, times or durations; others are faults of type, which is a difference
from expr.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tidegate_metrics_analyzer.expr.natures import Nature
from tidegate_metrics_analyzer.expr.times import SECOND_NANOSECONDS, shown_duration, shown_time
from tidegate_metrics_analyzer.expr.values import Duration, Function, LongInteger, Moment, Value, type_of


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    result: str
    answer: Callable[[Value], Value]

    @property
    def nature(self) -> Nature:
        return Nature(f"func(){self.result}", function=self.function(None))

    def function(self, receiver: Value) -> Function:
        return Function(self.name, (), self.result, lambda _one, _other: self.answer(receiver))


def _of_duration(name: str, result: str, answer: Callable[[Duration], Value]) -> Method:
    def called(receiver: Value) -> Value:
        assert isinstance(receiver, Duration)
        return answer(receiver)

    return Method(name, result, called)


def _of_moment(name: str, result: str, answer: Callable[[Moment], Value]) -> Method:
    def called(receiver: Value) -> Value:
        assert isinstance(receiver, Moment)
        return answer(receiver)

    return Method(name, result, called)


def _whole(duration: Duration, unit_nanoseconds: int) -> LongInteger:
    size = abs(duration.nanoseconds) // unit_nanoseconds
    return LongInteger(-size if duration.nanoseconds < 0 else size)


def _split(duration: Duration, unit_nanoseconds: int) -> float:
    """As Go adds them up: whole units, and what is left over."""
    whole = int(_whole(duration, unit_nanoseconds))
    return float(whole) + (duration.nanoseconds - whole * unit_nanoseconds) / unit_nanoseconds


_METHODS: Final = {
    "duration": (
        _of_duration("Hours", "float64", lambda duration: _split(duration, 3600 * SECOND_NANOSECONDS)),
        _of_duration("Minutes", "float64", lambda duration: _split(duration, 60 * SECOND_NANOSECONDS)),
        _of_duration("Seconds", "float64", lambda duration: _split(duration, SECOND_NANOSECONDS)),
        _of_duration("Milliseconds", "int64", lambda duration: _whole(duration, 1_000_000)),
        _of_duration("Microseconds", "int64", lambda duration: _whole(duration, 1_000)),
        _of_duration("Nanoseconds", "int64", lambda duration: _whole(duration, 1)),
        _of_duration("String", "string", shown_duration),
    ),
    "time": (
        _of_moment("Year", "int", lambda moment: moment.at.year),
        _of_moment("Day", "int", lambda moment: moment.at.day),
        _of_moment("YearDay", "int", lambda moment: moment.at.timetuple().tm_yday),
        _of_moment("Hour", "int", lambda moment: moment.at.hour),
        _of_moment("Minute", "int", lambda moment: moment.at.minute),
        _of_moment("Second", "int", lambda moment: moment.at.second),
        _of_moment("Nanosecond", "int", lambda moment: moment.at.microsecond * 1_000),
        _of_moment("Unix", "int64", lambda moment: LongInteger(moment.at.timestamp() // 1)),
        _of_moment("UnixMilli", "int64", lambda moment: LongInteger(round(moment.at.timestamp() * 1e6) // 1_000)),
        _of_moment("String", "string", shown_time),
    ),
}
METHODS: Final = {(kind, method.name): method for kind, methods in _METHODS.items() for method in methods}


def bound_method(receiver: Value, name: str) -> Function | None:
    method = METHODS.get((type_of(receiver), name))
    return None if method is None else method.function(receiver)

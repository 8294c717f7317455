"""What became of the requests, counted: by version, by kind of failure, by latency, per window and in all.

`run` counts into it as requests finish; the journal and any live view read `Window`s and the `Summary`. Pure.
"""

import math
from typing import Final

from msgspec import Struct, field

SERVER_ERROR: Final = 500
CLIENT_ERROR: Final = 400
UNKNOWN_VERSION: Final = "unknown"
EXAMPLES_MAX: Final = 20
"""Lost requests told in detail per window."""
LATE_S: Final = 1.0
BUCKET_GROWTH: Final = 1.02
BUCKET_FIRST_S: Final = 0.00005


class Record(Struct, frozen=True, kw_only=True):
    """One request that is over."""

    due_s: float
    """When it should have been sent, in seconds since the run began."""
    latency_s: float
    """From when it was due: a request that waited for us waited for the user."""
    sent_late_s: float = 0.0
    """How much of it passed before the request was handed to a connection: our own delay."""
    status: int = 0
    """0 when no answer came."""
    version: str | None = None
    failure: str | None = None
    """connect, reset, timeout or malformed when no answer came."""
    reused_connection: bool = False


class VersionCount(Struct):
    """Answers of one version: `errors` are its own."""

    ok: int = 0
    errors: int = 0


class Latency(Struct, frozen=True):
    """In milliseconds."""

    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0


class Counts(Struct, kw_only=True):
    """Requests by what became of them; an answer is a version's, anything else is lost."""

    sent: int = 0
    finished: int = 0
    not_sent: int = 0
    """Due, but the generator itself had no connection left or was stopped for too long."""
    sent_late: int = 0
    """Left over `LATE_S` after they were due: the generator got no time, and its latencies tell of itself."""
    versions: dict[str, VersionCount] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    @property
    def lost_total(self) -> int:
        return sum(self.lost.values())

    @property
    def ok_total(self) -> int:
        return sum(count.ok for count in self.versions.values())

    @property
    def errors_total(self) -> int:
        return sum(count.errors for count in self.versions.values())

    def count(self, record: Record) -> None:
        self.finished += 1
        self.sent_late += record.sent_late_s > LATE_S
        kind = lost_kind(record)
        if kind is not None:
            self.lost[kind] = self.lost.get(kind, 0) + 1
            return
        answered = self.versions.setdefault(record.version or UNKNOWN_VERSION, VersionCount())
        if record.status >= SERVER_ERROR:
            answered.errors += 1
        else:
            answered.ok += 1


class Window(Counts, tag_field="kind", tag="window", kw_only=True):
    """What happened in a tenth of a second."""

    at_s: float
    """When it began, in seconds since 1970."""
    elapsed_s: float
    """When it began, in seconds since the run began."""
    in_flight: int = 0
    latency: Latency = Latency()
    examples: list[Record] = field(default_factory=list)
    """Some of the lost requests."""


class Summary(Counts, tag_field="kind", tag="summary", kw_only=True):
    """The whole run."""

    began_at_s: float
    duration_s: float
    rate_asked_per_s: float
    latency: Latency


def lost_kind(record: Record) -> str | None:
    """How a request was lost, or None when a pod answered it, well or badly."""
    if record.failure is not None:
        return record.failure
    if record.version is None and record.status >= CLIENT_ERROR:
        return f"status-{record.status}"
    return None


class LatencyHistogram:
    """Quantiles within 2 % in bounded memory, however long the run."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0
        self._max_s = 0.0

    def add(self, latency_s: float) -> None:
        index = max(0, math.ceil(math.log(max(latency_s, BUCKET_FIRST_S) / BUCKET_FIRST_S, BUCKET_GROWTH)))
        self._counts[index] = self._counts.get(index, 0) + 1
        self._total += 1
        self._max_s = max(self._max_s, latency_s)

    def latency(self) -> Latency:
        return Latency(
            p50_ms=self._quantile_ms(0.50),
            p90_ms=self._quantile_ms(0.90),
            p99_ms=self._quantile_ms(0.99),
            max_ms=_milliseconds(self._max_s),
        )

    def _quantile_ms(self, share: float) -> float:
        wanted = math.ceil(share * self._total)
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= wanted:
                return _milliseconds(min(self._max_s, BUCKET_FIRST_S * BUCKET_GROWTH**index))
        return 0.0


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1_000, 3)


class Tally:
    """All counts of one run, and those of the window that is open."""

    def __init__(self, began_at_s: float) -> None:
        self.totals = Counts()
        self.window = Window(at_s=began_at_s, elapsed_s=0.0)
        self._began_at_s = began_at_s
        self._histogram = LatencyHistogram()
        self._window_histogram = LatencyHistogram()

    def sent(self) -> None:
        self.totals.sent += 1
        self.window.sent += 1

    def not_sent(self, requests: int) -> None:
        self.totals.not_sent += requests
        self.window.not_sent += requests

    def finished(self, record: Record) -> None:
        self.totals.count(record)
        self.window.count(record)
        self._histogram.add(record.latency_s)
        self._window_histogram.add(record.latency_s)
        if lost_kind(record) is not None and len(self.window.examples) < EXAMPLES_MAX:
            self.window.examples.append(record)

    def next_window(self, elapsed_s: float, in_flight: int) -> Window:
        """Closes the open window, which the next one follows at `elapsed_s`."""
        closed = self.window
        closed.latency = self._window_histogram.latency()
        closed.in_flight = in_flight
        self.window = Window(at_s=self._began_at_s + elapsed_s, elapsed_s=elapsed_s)
        self._window_histogram = LatencyHistogram()
        return closed

    def summary(self, duration_s: float, rate_per_s: float) -> Summary:
        return Summary(
            sent=self.totals.sent,
            finished=self.totals.finished,
            not_sent=self.totals.not_sent,
            sent_late=self.totals.sent_late,
            versions=self.totals.versions,
            lost=self.totals.lost,
            began_at_s=self._began_at_s,
            duration_s=duration_s,
            rate_asked_per_s=rate_per_s,
            latency=self._histogram.latency(),
        )

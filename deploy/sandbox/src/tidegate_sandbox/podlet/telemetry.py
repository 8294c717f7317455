"""The podlet's own metrics and health, on a loopback port of its own.

Every edge counts through `Telemetry`; `app` puts a `TelemetrySite` behind the same lean server the pods use.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tidegate_sandbox.podlet.http1 import Answer

DURATION_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Outcome:
    """The code of an API answer; 0 when none came."""

    code = 0


class Telemetry:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.beside: Callable[[], bytes] = bytes
        """What is shown beside our own metrics, in the text format."""
        self.pods = Gauge("podlet_pods", "Pods held.", registry=self.registry)
        self.lists = Counter("podlet_lists", "Full lists of all pods.", registry=self.registry)
        self.watch_events = Counter("podlet_watch_events", "Watch events, by type.", ["type"], registry=self.registry)
        self.failures = Counter(
            "podlet_action_failures", "Actions to be tried again, by action.", ["action"], registry=self.registry
        )
        self.ready_lag_s = Histogram(
            "podlet_ready_lag_seconds",
            "Time from a pod's readiness turning over to the API server knowing it.",
            buckets=DURATION_BUCKETS_S,
            registry=self.registry,
        )
        self._api_requests = Counter(
            "podlet_api_requests", "Requests to the API server.", ["verb", "code"], registry=self.registry
        )
        self._api_duration_s = Histogram(
            "podlet_api_request_seconds",
            "Duration of requests to the API server.",
            ["verb"],
            buckets=DURATION_BUCKETS_S,
            registry=self.registry,
        )

    @contextmanager
    def api_request(self, verb: str) -> Iterator[Outcome]:
        """Counts one request under the code its outcome is given."""
        outcome = Outcome()
        began_s = time.perf_counter()
        try:
            yield outcome
        finally:
            self._api_duration_s.labels(verb).observe(time.perf_counter() - began_s)
            self._api_requests.labels(verb, str(outcome.code or "none")).inc()


class TelemetrySite:
    """`/metrics`, `/livez` and `/readyz`."""

    def __init__(self, telemetry: Telemetry, is_ready: Callable[[], bool]) -> None:
        self._telemetry = telemetry
        self._is_ready = is_ready

    def answer(self, method: str, path: str) -> Answer:
        del method
        match path:
            case "/metrics":
                return _text(200, "OK", generate_latest(self._telemetry.registry) + self._telemetry.beside())
            case "/livez":
                return _text(200, "OK", b"ok\n")
            case "/readyz":
                return _text(200, "OK", b"ok\n") if self._is_ready() else _text(503, "Not Ready", b"not synced\n")
            case _:
                return _text(404, "Not Found", b"/metrics, /livez and /readyz are served\n")

    def answered(self, answer: Answer, duration_s: float) -> None:
        """Our own requests are not counted."""


def _text(code: int, reason: str, body: bytes) -> Answer:
    head = f"HTTP/1.1 {code} {reason}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"
    return Answer(code, head.encode("ascii"), body)

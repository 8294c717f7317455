"""The application inside a simulated container: its answers, its errors, its metrics.

`worker` makes one per container process and puts it behind an `http1.HttpServer`. Errors are spread evenly and
exactly: at 10 % every tenth request, so that a metric's verdict does not depend on luck.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from tidegate_sandbox.podlet.behaviour import ERROR_STEPS_PER_PERCENT, Behaviour
from tidegate_sandbox.podlet.http1 import Answer

BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ERROR_STEPS: Final = 100 * ERROR_STEPS_PER_PERCENT
REASONS: Final[Mapping[int, str]] = {200: "OK", 500: "Internal Server Error"}
METRICS_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"
METRICS_PATH: Final = "/metrics"
METRICS_CODE: Final = 0
"""Marks an answer that does not count as a request of the application."""


class PodSite:
    def __init__(self, pod_name: str, behaviour: Behaviour) -> None:
        self._error_steps = round(behaviour.error_percent * ERROR_STEPS_PER_PERCENT)
        self._steps = 0
        self._well = _answer(200, pod_name, behaviour)
        self._ill = _answer(500, pod_name, behaviour)
        self.requests = {200: 0, 500: 0}
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._duration_sum_s = 0.0

    def answer(self, method: str, path: str) -> Answer:
        del method  # The application answers every method alike.
        if path == METRICS_PATH:
            return Answer(METRICS_CODE, METRICS_HEAD, self.exposition())
        self._steps += self._error_steps
        if self._steps >= ERROR_STEPS:
            self._steps -= ERROR_STEPS
            return self._ill
        return self._well

    def answered(self, answer: Answer, duration_s: float) -> None:
        if answer.code == METRICS_CODE:
            return
        self.requests[answer.code] += 1
        self._buckets[bisect_left(BUCKETS_S, duration_s)] += 1
        self._duration_sum_s += duration_s

    def exposition(self) -> bytes:
        """The counters in Prometheus' text format."""
        lines = [
            "# HELP http_requests_total Requests answered, by status code.",
            "# TYPE http_requests_total counter",
            *(f'http_requests_total{{code="{code}"}} {count}' for code, count in self.requests.items()),
            "# HELP http_request_duration_seconds Time from request to answer.",
            "# TYPE http_request_duration_seconds histogram",
        ]
        total = 0
        for bound, count in zip((*BUCKETS_S, "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {total}')
        lines.append(f"http_request_duration_seconds_sum {self._duration_sum_s:.6f}")
        lines.append(f"http_request_duration_seconds_count {total}\n")
        return "\n".join(lines).encode()


def _answer(code: int, pod_name: str, behaviour: Behaviour) -> Answer:
    head = (
        f"HTTP/1.1 {code} {REASONS[code]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"x-version: {behaviour.version}\r\nx-pod: {pod_name}\r\n"
    )
    body = f"version {behaviour.version}\npod {pod_name}\n"
    return Answer(code, head.encode("ascii"), body.encode(), behaviour.latency_s)

"""When a server that fails again and again is left alone for a while. Pure; one for each server, kept by `door`."""

from typing import Final

FAILURES_MAX: Final = 5
"""In a row; then the server is not asked for a while."""

REST_S_MIN: Final = 1.0
REST_S_MAX: Final = 30.0


class Breaker:
    """`now_s` is monotonic. After a rest one request tries; the others wait for what comes of it."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_s = REST_S_MIN
        self._rests_until_s = 0.0

    def refusal(self, now_s: float) -> str | None:
        if self._failures < FAILURES_MAX:
            return None
        if now_s < self._rests_until_s:
            return f"not asked: the last {self._failures} requests to this server failed"
        self._rests_until_s = now_s + self._rest_s
        return None

    def succeeded(self) -> None:
        self._failures = 0
        self._rest_s = REST_S_MIN

    def failed(self, now_s: float) -> None:
        self._failures += 1
        if self._failures > FAILURES_MAX:
            self._rest_s = min(2 * self._rest_s, REST_S_MAX)
        self._rests_until_s = now_s + self._rest_s

"""When a server that fails again and again is left alone for a while. Pure; kept by `door`."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

FAILURES_MAX: Final = 5
"""In a row; then the server is not asked for a while."""

REST_S_MIN: Final = 1.0
REST_S_MAX: Final = 30.0

REMEMBERED_MAX: Final = 4096
"""Servers, each with the namespace that asked; those that were asked longest ago are forgotten first."""


class Breaker:
    """`now_s` is monotonic. After a rest one request tries; the others wait for what comes of it."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_s = REST_S_MIN
        self._rests_until_s = 0.0
        self._reason = ""

    def refusal(self, now_s: float) -> str | None:
        if self._failures < FAILURES_MAX:
            return None
        if now_s < self._rests_until_s:
            return f"not asked: the last {self._failures} requests to this server failed ({self._reason})"
        self._rests_until_s = now_s + self._rest_s
        return None

    def succeeded(self) -> None:
        self._failures = 0
        self._rest_s = REST_S_MIN

    def failed(self, now_s: float, reason: str) -> None:
        self._failures += 1
        self._reason = reason
        if self._failures > FAILURES_MAX:
            self._rest_s = min(2 * self._rest_s, REST_S_MAX)
        self._rests_until_s = now_s + self._rest_s


class Breakers:
    """One for each server as each namespace knows it: what others do to themselves there is nothing to it."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Breaker] = OrderedDict()

    def of(self, server: Hashable) -> Breaker:
        breaker = self._known.setdefault(server, Breaker())
        self._known.move_to_end(server)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return breaker

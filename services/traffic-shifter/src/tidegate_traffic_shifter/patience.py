"""How long proxies get to hear of what the API server and a route's status already say. Pure.

A proxy learns of routes and of the endpoints behind them on separate ways, none of which tells when it has arrived.
Asked by `shift`, `release` and `holder`. Where the router itself was slow to answer, the machine or its API server is
slow, and everybody gets longer.
"""

from typing import Final

WARM_UP_S: Final = 0.3
"""At least so long between endpoints that are there and the first request that needs them."""

SLOWNESS_FACTOR: Final = 2.0
"""A proxy may be so many times as slow as the answer of its controller was."""

SLOWNESS_MAX_S: Final = 10.0
"""What was slower than this was no machine, but somebody who had to mend something first."""


def patience_s(least_s: float, answered_after_s: float) -> float:
    """The wait after a router's answer that took so long."""
    return max(least_s, min(SLOWNESS_FACTOR * answered_after_s, SLOWNESS_MAX_S))

"""How long the API server was out of reach, and until when its other watchers may be blind after that. Pure.

A `Reflector` notes its attempts here. A proxy's controller watches routes and endpoints each by itself, and each comes
back at its own time: it may know a new route long before it knows who is behind it. Whoever relies on others having
seen something asks `others_back_at_s`.
"""

from typing import Final

FOLLOWED_S: Final = 5.0
"""An attempt that lasted so long had reached the server: the outage begins where it ended, not before."""

BACKOFF_FIRST_MAX_S: Final = 1.6
BACKOFF_GROWTH: Final = 2.0
BACKOFF_MAX_S: Final = 60.0
"""client-go's reflectors wait 0.8 s, then twice as long each time up to 30 s, each wait up to doubled by chance
(k8s.io/client-go, tools/cache/reflector.go). So the next attempt comes at most so much later as all were long."""


class Outage:
    """Times are those of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._began_at_s: float | None = None
        self._attempted_at_s = 0.0
        self._failing = False

    def attempted(self, now_s: float) -> None:
        """The server is being asked again."""
        self._attempted_at_s, self._failing = now_s, False

    def failed(self, now_s: float) -> None:
        """The attempt ended, and not by the server's own will."""
        if self._began_at_s is None or now_s - self._attempted_at_s >= FOLLOWED_S:
            self._began_at_s = now_s
        self._failing = True

    def others_back_at_s(self, now_s: float) -> float:
        """When every other watcher follows the server again, as far as we can tell; never, while we don't."""
        if self._began_at_s is None:
            return 0.0
        back_at_s = now_s if self._failing else self._attempted_at_s
        away_s = max(back_at_s - self._began_at_s, 0.0)
        return back_at_s + min(BACKOFF_GROWTH * away_s + BACKOFF_FIRST_MAX_S, BACKOFF_MAX_S)

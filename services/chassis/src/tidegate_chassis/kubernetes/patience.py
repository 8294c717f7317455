"""Whether a missing permission is to be believed: an API server that has just started knows no roles for a moment.

It answers 403 then to everybody whose roles it hasn't read yet. A permission that worked before, or that is asked for
soon after trouble with the connection, gets some seconds before its refusal is `Permanent`. Used by `client`.
"""

import time
from collections.abc import Callable
from typing import Final

from tidegate_chassis.errors import OperatingError, Permanent, Transient
from tidegate_chassis.kubernetes.status import Attempt

__all__ = ["Patience"]

PATIENCE_S: Final = 10.0
"""How long a refusal may be the server's own confusion."""
TROUBLE_S: Final = 20.0
"""How long after a failed exchange the server may be a new one."""
AGAIN_S: Final = 0.5
EPISODE_S: Final = 60.0
"""Refusals further apart than this have nothing to do with each other."""


class Patience:
    """What is remembered of permissions; as many entries as there are verbs and resources.

    Args:
        now_s: A monotonic clock.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._worked: set[tuple[str, str]] = set()
        self._refused_s: dict[tuple[str, str], tuple[float, float]] = {}  # since when, and last
        self._trouble_at_s = float("-inf")

    def worked(self, attempt: Attempt) -> None:
        """A call got through."""
        key = (attempt.verb, attempt.resource)
        self._worked.add(key)
        self._refused_s.pop(key, None)

    def judge(self, attempt: Attempt, error: OperatingError) -> OperatingError:
        """The error that a call's failure is to be taken for."""
        now_s = self._now_s()
        if not isinstance(error, Permanent):
            self._trouble_at_s = now_s
            return error
        if error.code != "forbidden":
            return error
        key = (attempt.verb, attempt.resource)
        since_s, last_s = self._refused_s.get(key, (now_s, now_s))
        since_s = since_s if now_s - last_s < EPISODE_S else now_s
        self._refused_s[key] = (since_s, now_s)
        may_be_new = key in self._worked or now_s - self._trouble_at_s < TROUBLE_S
        if may_be_new and now_s - since_s < PATIENCE_S:
            return Transient(error.reason, delay_s=AGAIN_S)
        return error

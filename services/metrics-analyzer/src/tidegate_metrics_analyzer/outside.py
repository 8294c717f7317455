"""What is told from outside as an analysis sees it: a stream of messages, and keys by name. `postbox` is the real one.

Called by `outside_run`. A verdict and an alert are alike here: somebody else's word that arrives when it arrives.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, NoReturn, Protocol

from tidegate_chassis.message import Message

Take = Callable[[Message], Awaitable[None]]


class Wanted(NamedTuple):
    """Messages that somebody waits for."""

    stream: str
    subject_filter: str
    since_s: float
    """In epoch seconds: what was stored before is of no interest."""
    take: Take
    """Called with each of them, in the stream's order."""
    read: Callable[[], None]
    """Called once, when all that were stored at first have been taken."""


class Outside(Protocol):
    def verdicts_on(self, namespace: str, rollout: str) -> str:
        """The filter of a rollout's verdicts."""

    def alerts_in(self, namespace: str) -> str:
        """The filter of a namespace's alerts."""

    async def follow(self, wanted: Wanted) -> NoReturn:
        """Until it is cancelled."""

    def key(self, namespace: str, name: str) -> str:
        """A key of the namespace; raises ValueError, with a reason, where it can't be used."""


class NoOutside:
    """Of an analyzer without a bus: nobody says anything."""

    def verdicts_on(self, namespace: str, rollout: str) -> str:
        return f"verdicts on {rollout} of {namespace}"

    def alerts_in(self, namespace: str) -> str:
        return f"alerts of {namespace}"

    async def follow(self, wanted: Wanted) -> NoReturn:  # noqa: ARG002 - nothing comes
        while True:
            await asyncio.Event().wait()

    def key(self, namespace: str, name: str) -> str:
        raise ValueError(f"there are no keys here, so not {name} of {namespace}")

"""What a run and its connections say to each other, whatever the version of HTTP.

`run` owns the pool and hands requests to `Connection`s (`http1`, `http2`), which tell it through `Owner` how each
ended; nothing is ever sent twice.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

HttpVersion = Literal["1.1", "2"]
"""2 is without TLS, by prior knowledge."""


class Target(NamedTuple):
    """What is asked for."""

    host: str
    path: str


@dataclass(slots=True, eq=False)
class Request:
    """One request under way."""

    connection: "Connection"
    due_s: float
    """When it should have been sent, in seconds since the run began."""
    sent_s: float
    """When it was handed to its connection."""
    reused_connection: bool


class Connection(Protocol):
    """One to the target."""

    requests: int
    """That it was given so far."""

    def usable(self) -> bool:
        """Whether it is open, and nobody has said that it will close."""

    def has_room(self) -> bool:
        """Whether it takes another request now."""

    def send(self, request: Request, *, last: bool) -> None:
        """Send it; after the last one the connection closes."""

    def give_up(self, request: Request, kind: str) -> None:
        """Stop waiting for the answer; the owner is told that it failed."""

    def retire(self) -> None:
        """Close as soon as nothing is under way."""


class Owner(Protocol):
    """Who is told what became of each request."""

    def answered(self, request: Request, status: int, version: str | None) -> None: ...

    def failed(self, request: Request, kind: str) -> None: ...

    def gone(self, connection: Connection) -> None: ...

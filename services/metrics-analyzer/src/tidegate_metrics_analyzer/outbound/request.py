"""What a provider asks of the outbound door and what it gets. Pure; plain values for `door` and the providers."""

from typing import Final, Literal, NamedTuple

import msgspec

REQUEST_TIMEOUT_S_MAX: Final = 10.0
"""From connecting to the last byte."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    method: Literal["GET", "POST", "PUT"] = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    timeout_s: float = REQUEST_TIMEOUT_S_MAX
    namespace: str = ""
    """Who asks: whose secrets headers and body may name, and whose failures count together."""
    credentials: tuple[str, ...] = ()
    """What must not come back out of the answer: the secrets that the provider itself put in."""


class Reply(NamedTuple):
    status: int
    body: bytes

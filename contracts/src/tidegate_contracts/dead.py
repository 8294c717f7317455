"""A message that could not be understood or handled, kept with the reason until somebody looks."""

import msgspec

from tidegate_contracts.problem import Problem


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, tag="dead.letter.v1"):
    service: str
    subject: str
    stream: str
    sequence: int
    reason: str
    problems: tuple[Problem, ...]
    headers: dict[str, str]
    payload: bytes
    """The first bytes of the message (base64 in JSON), at most `limits.REQUEST_BYTES_MAX`."""
    truncated: bool
    deliveries: int
    at_s: float

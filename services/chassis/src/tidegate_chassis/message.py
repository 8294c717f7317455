"""A message of a stream as it came in: what handlers and holders see of the bus, without any client library.

Made by `pull` and `journal`; handed on to `delivery`, `standing_orders` and whoever reads a history.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from tidegate_contracts import envelope

if TYPE_CHECKING:
    from nats.aio.msg import Msg

REVISION: Final = "tidegate-revision"
"""The header that names an order's revision, so that nobody needs to decode an order to compare it."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    payload: bytes
    headers: Mapping[str, str]
    stream: str
    sequence: int
    deliveries: int
    time_s: float
    """When the stream stored it, in epoch seconds."""
    id: str
    """The sender's id, or a fingerprint that is the same at each delivery."""

    @property
    def cause(self) -> str:
        return self.headers.get(envelope.CAUSE, "")

    @property
    def revision(self) -> int | None:
        return revision_of(self.headers)


def revision_of(headers: Mapping[str, str] | None) -> int | None:
    """The revision that an order's headers name; None where there is none that can be read."""
    text = (headers or {}).get(REVISION, "")
    return int(text) if text.isdecimal() and text.isascii() else None


def received(raw: "Msg") -> Message:
    """A message as a consumer delivers it: its place in the stream is read from the subject that acks go to."""
    # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time in ns>.<pending>, or with
    # domain and account hash after `ACK` and a token at the end.
    tokens = raw.reply.split(".")
    fields = tokens[2:] if len(tokens) == 9 else tokens[4:]  # noqa: PLR2004 - see above
    stream, _, deliveries, sequence, _, time_ns = fields[:6]
    return stored(
        raw.subject,
        raw.data,
        raw.headers,
        stream=stream,
        sequence=int(sequence),
        time_ns=int(time_ns),
        deliveries=int(deliveries),
    )


def stored(
    subject: str,
    payload: bytes,
    headers: Mapping[str, str] | None,
    *,
    stream: str,
    sequence: int,
    time_ns: int,
    deliveries: int = 0,
) -> Message:
    """A message as it stands in a stream; `deliveries` is 0 where it was read and not delivered."""
    return Message(
        subject=subject,
        payload=payload,
        headers=headers or {},
        stream=stream,
        sequence=sequence,
        deliveries=deliveries,
        time_s=time_ns / 1e9,
        id=envelope.message_id(headers, stream, sequence, time_ns, payload),
    )

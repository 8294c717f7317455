"""CloudEvents 1.0 in NATS headers (binary mode): what every message of ours carries beside its body.

A message from outside needs none of it: `Envelope.read` fills in what is missing from the stream's own data, the
same way each time the message is delivered.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

ID: Final = "ce-id"
TYPE: Final = "ce-type"
SOURCE: Final = "ce-source"
TIME: Final = "ce-time"
SPECVERSION: Final = "ce-specversion"
CAUSE: Final = "ce-cause"
CONTENT_TYPE: Final = "content-type"
TRACEPARENT: Final = "traceparent"
MESSAGE_ID: Final = "Nats-Msg-Id"
ID_LENGTH_MAX: Final = 200


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str
    source: str
    time_s: float
    cause: str = ""
    traceparent: str = ""

    def headers(self) -> dict[str, str]:
        moment = dt.datetime.fromtimestamp(self.time_s, tz=dt.UTC)
        headers = {
            SPECVERSION: "1.0",
            ID: self.id,
            TYPE: self.type,
            SOURCE: self.source,
            TIME: moment.isoformat().replace("+00:00", "Z"),
            CONTENT_TYPE: "application/json",
            MESSAGE_ID: self.id,
        }
        if self.cause:
            headers[CAUSE] = self.cause
        if self.traceparent:
            headers[TRACEPARENT] = self.traceparent
        return headers


def message_id(headers: Mapping[str, str] | None, stream: str, sequence: int, time_ns: int, payload: bytes) -> str:
    """The sender's id or, without one, a fingerprint that is the same at every delivery."""
    given = (headers or {}).get(ID) or (headers or {}).get(MESSAGE_ID)
    if given and len(given) <= ID_LENGTH_MAX and given.isprintable():
        return given
    digest = hashlib.sha256(f"{stream}:{sequence}:{time_ns}:".encode() + payload)
    return digest.hexdigest()[:32]


def rollout_id(request_message_id: str) -> str:
    """The id of a rollout whose request names none: a label made from its message's id."""
    return "r-" + hashlib.sha256(request_message_id.encode()).hexdigest()[:12]

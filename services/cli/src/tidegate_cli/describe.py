"""One event in a line, for `history` and `events`: what it says beside who, when and about which rollout. Pure."""

from typing import Any, Final

import msgspec

from tidegate_cli.stored import StoredEvent
from tidegate_contracts import envelope
from tidegate_contracts.facts import PodCounts
from tidegate_contracts.problem import printable

_ENVELOPE_FIELDS: Final = {"type", "rollout", "revision", "active", "cause", "at_s", "order_revision"}
_LONG_FIELDS: Final = {"request", "plan", "measurements", "scored", "template_digest", "inherited", "request_sequence"}
_VALUE_LENGTH_MAX: Final = 160


def detail(stored: StoredEvent) -> str:
    """The event's own fields, short; those that matter only to programs are left to `-o json`."""
    if stored.event is None:
        return "an event that this version can't read"
    parts = [
        f"{name}={_value(value)}"
        for name, value in msgspec.structs.asdict(stored.event).items()
        if name not in _ENVELOPE_FIELDS | _LONG_FIELDS and value not in (None, (), "")
    ]
    return " ".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, PodCounts):
        return f"{value.updated_ready}/{value.updated}new,{value.stable_ready}/{value.stable}old"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, str | int):
        return printable(str(value))[:_VALUE_LENGTH_MAX]
    if isinstance(value, tuple):
        return "; ".join(_value(part) for part in value)[:_VALUE_LENGTH_MAX]
    return printable(str(value))[:_VALUE_LENGTH_MAX]


def cloud_event(stored: StoredEvent) -> dict[str, Any]:
    """The event in the CloudEvents JSON format, with its place in the stream."""
    headers = stored.headers
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": headers.get(envelope.ID, f"{stored.sequence}"),
        "type": headers.get(envelope.TYPE, ""),
        "source": headers.get(envelope.SOURCE, ""),
        "time": headers.get(envelope.TIME, stored.stored_at),
        "subject": stored.subject,
        "sequence": stored.sequence,
    }
    try:
        document["data"] = msgspec.json.decode(stored.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document["data_base64"] = stored.payload
    return document

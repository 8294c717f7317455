"""Bytes to messages and back: one cached strict decoder per class of message, one encoder.

A tag once published is decoded for ever. Facts, decisions and orders are open (an unknown field is a newer version's
and ignored); requests and controls are closed: a field that we would ignore is a fault that the sender must hear of.
"""

from typing import Final, TypeVar

import msgspec

from tidegate_contracts.controls import Control
from tidegate_contracts.dead import DeadLetter
from tidegate_contracts.decisions import AnyDecision
from tidegate_contracts.facts import AnyFact
from tidegate_contracts.faults import Malformed, depth, misfit, not_json, too_deep, too_large, unknown_fields
from tidegate_contracts.guards import Guard
from tidegate_contracts.limits import CONTROL_BYTES_MAX, MESSAGE_DEPTH_MAX, REQUEST_BYTES_MAX, VERDICT_BYTES_MAX
from tidegate_contracts.orders import AnalysisOrder, Order, RouteOrder, WorkloadOrder
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.telemetry import AnyTelemetry
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.verdicts import AlertNotified, VerdictGiven

__all__ = ["Malformed", "decode_control", "decode_guard", "decode_request", "decode_verdict", "encode", "tag_of"]

_Message = TypeVar("_Message")
AnyEvent = AnyFact | AnyDecision
AnyMessage = (
    RolloutRequested
    | Control
    | Guard
    | VerdictGiven
    | AlertNotified
    | AnyEvent
    | Order
    | TimerDue
    | AnyTelemetry
    | DeadLetter
)

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")

event_decoder: Final = msgspec.json.Decoder(AnyEvent)
workload_order_decoder: Final = msgspec.json.Decoder(WorkloadOrder)
traffic_order_decoder: Final = msgspec.json.Decoder(RouteOrder)
analysis_order_decoder: Final = msgspec.json.Decoder(AnalysisOrder)
order_decoder: Final = msgspec.json.Decoder(Order)
timer_decoder: Final = msgspec.json.Decoder(TimerDue)
telemetry_decoder: Final = msgspec.json.Decoder(AnyTelemetry)
dead_decoder: Final = msgspec.json.Decoder(DeadLetter)
alert_decoder: Final = msgspec.json.Decoder(AlertNotified)

_REQUEST: Final = msgspec.json.Decoder(RolloutRequested)
_CONTROL: Final[msgspec.json.Decoder[Control]] = msgspec.json.Decoder(Control)
_VERDICT: Final = msgspec.json.Decoder(VerdictGiven)
_GUARD: Final[msgspec.json.Decoder[Guard]] = msgspec.json.Decoder(Guard)


def encode(message: msgspec.Struct) -> bytes:
    return _ENCODER.encode(message)


def tag_of(message: msgspec.Struct | type[msgspec.Struct]) -> str:
    """The versioned tag that a message travels under."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str), "every message has an explicit tag"
    return tag


def decode_request(payload: bytes) -> RolloutRequested:
    """Raises `Malformed`."""
    return _decode_closed(_REQUEST, payload, REQUEST_BYTES_MAX)


def decode_control(payload: bytes) -> Control:
    """Raises `Malformed`."""
    return _decode_closed(_CONTROL, payload, CONTROL_BYTES_MAX)


def decode_guard(payload: bytes) -> Guard:
    """Raises `Malformed`."""
    return _decode_closed(_GUARD, payload, REQUEST_BYTES_MAX)


def decode_verdict(payload: bytes) -> VerdictGiven:
    """Raises `Malformed`."""
    return _decode_closed(_VERDICT, payload, VERDICT_BYTES_MAX)


def _decode_closed(decoder: msgspec.json.Decoder[_Message], payload: bytes, bytes_max: int) -> _Message:
    if len(payload) > bytes_max:
        raise Malformed(too_large(len(payload), bytes_max))
    try:
        message = decoder.decode(payload)
        raw = msgspec.json.decode(payload)
    except msgspec.ValidationError as error:
        raise Malformed(misfit(error, payload)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(not_json(error, payload)) from error
    if depth(raw, MESSAGE_DEPTH_MAX) > MESSAGE_DEPTH_MAX:
        raise Malformed(too_deep())
    unknown = unknown_fields(raw, msgspec.to_builtins(message))
    if unknown is not None:
        raise Malformed(unknown)
    return message

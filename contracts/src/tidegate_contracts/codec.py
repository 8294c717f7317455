"""Bytes to messages and back: one cached strict decoder per class of message, one encoder.

A tag once published is decoded for ever. Facts and decisions are open (an unknown field is a newer version's and
ignored), requests are closed: a field that we would ignore is a fault that the requester must hear of.
"""

import re
from typing import Final, TypeVar

import msgspec

from tidegate_contracts.controls import Control
from tidegate_contracts.dead import DeadLetter
from tidegate_contracts.decisions import AnyDecision
from tidegate_contracts.facts import AnyFact
from tidegate_contracts.limits import CONTROL_BYTES_MAX, REQUEST_BYTES_MAX
from tidegate_contracts.orders import AnalysisOrder, Order, TrafficOrder, WorkloadOrder
from tidegate_contracts.problem import Problem, printable
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.telemetry import AnyTelemetry
from tidegate_contracts.timers import TimerDue

_Message = TypeVar("_Message")
AnyEvent = AnyFact | AnyDecision
AnyMessage = RolloutRequested | Control | AnyEvent | Order | TimerDue | AnyTelemetry | DeadLetter

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")

event_decoder: Final = msgspec.json.Decoder(AnyEvent)
workload_order_decoder: Final = msgspec.json.Decoder(WorkloadOrder)
traffic_order_decoder: Final = msgspec.json.Decoder(TrafficOrder)
analysis_order_decoder: Final = msgspec.json.Decoder(AnalysisOrder)
order_decoder: Final = msgspec.json.Decoder(Order)
timer_decoder: Final = msgspec.json.Decoder(TimerDue)
telemetry_decoder: Final = msgspec.json.Decoder(AnyTelemetry)
dead_decoder: Final = msgspec.json.Decoder(DeadLetter)

_REQUEST: Final = msgspec.json.Decoder(RolloutRequested)
_CONTROL: Final[msgspec.json.Decoder[Control]] = msgspec.json.Decoder(Control)
_AT_PATH: Final = re.compile(r" - at `\$\.?(.*)`$")


class Malformed(ValueError):  # noqa: N818 - it names what the message is
    """A message that can't be read, with the problem to tell its sender."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def encode(message: msgspec.Struct) -> bytes:
    return _ENCODER.encode(message)


def tag_of(message: msgspec.Struct | type[msgspec.Struct]) -> str:
    """The versioned tag that a message travels under."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str), "every message has an explicit tag"
    return tag


def decode_request(payload: bytes) -> RolloutRequested:
    """Raises `Malformed`."""
    return _decode(_REQUEST, payload, REQUEST_BYTES_MAX)


def decode_control(payload: bytes) -> Control:
    """Raises `Malformed`."""
    return _decode(_CONTROL, payload, CONTROL_BYTES_MAX)


def _decode(decoder: msgspec.json.Decoder[_Message], payload: bytes, bytes_max: int) -> _Message:
    if len(payload) > bytes_max:
        raise Malformed(_problem("message", f"{len(payload)} bytes", f"at most {bytes_max} bytes", "Send less."))
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        found = _AT_PATH.search(str(error))
        field = found.group(1) if found and found.group(1) else "message"
        rule = _AT_PATH.sub("", str(error))
        raise Malformed(_problem(field, payload[:200], rule, "Compare it with the message's JSON Schema.")) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(_problem("message", payload[:200], f"JSON: {error}", "Send one JSON object.")) from error


def _problem(field: str, value: object, rule: str, remedy: str) -> Problem:
    return Problem(field=field, value=printable(value), rule=printable(rule), remedy=remedy)

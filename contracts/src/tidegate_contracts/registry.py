"""Every message there is, by its class: what the schemas, the AsyncAPI document and the golden samples must cover."""

from typing import Final, get_args

import msgspec

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.controls import Control
from tidegate_contracts.dead import DeadLetter
from tidegate_contracts.guards import Guard
from tidegate_contracts.orders import Order
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.telemetry import AnyTelemetry
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.verdicts import AlertNotified, VerdictGiven

Kind = type[msgspec.Struct]

CLASSES: Final[dict[str, tuple[Kind, ...]]] = {
    "requests": (RolloutRequested,),
    "controls": get_args(Control),
    "guards": get_args(Guard),
    "verdicts": (VerdictGiven,),
    "alerts": (AlertNotified,),
    "events": get_args(AnyEvent),
    "orders": get_args(Order),
    "timers": (TimerDue,),
    "telemetry": get_args(AnyTelemetry),
    "dead": (DeadLetter,),
}
"""The second token of a subject, and the messages that travel on such subjects."""

CLOSED: Final = ("requests", "controls", "guards", "verdicts")
"""Classes in which an unknown field is a fault, not a newer version's."""

MESSAGES: Final[tuple[Kind, ...]] = tuple(kind for kinds in CLASSES.values() for kind in kinds)

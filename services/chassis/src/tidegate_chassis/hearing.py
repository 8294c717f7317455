"""Plain NATS subscriptions through FastStream: what every copy hears at once, without acks and without a stream.

Used by `standing_orders` for orders (a superseded one is dropped within milliseconds) and claims, and by whoever is
woken by events. Nothing is ever
answered: an order is published with an inbox for the stream's ack, into which an answer of ours would forge one.
"""

from collections.abc import Awaitable, Callable

import structlog
from faststream.nats import NatsBroker
from faststream.nats.message import NatsMessage

_log = structlog.get_logger(__name__)
Heard = Callable[[NatsMessage], Awaitable[None]]


def hear(broker: NatsBroker, subject: str, listener: Heard) -> None:
    """Calls the listener for each message of the subject, once the broker has started; bodies stay bytes."""

    async def heard(message: NatsMessage) -> None:
        try:
            await listener(message)
        except Exception:  # noqa: BLE001 - it is logged here; FastStream would drop it without a word
            _log.exception("a heard message was not understood", subject=message.raw_message.subject)

    broker.subscriber(subject, decoder=_undecoded, no_reply=True)(heard)


def hear_subjects(broker: NatsBroker, subject: str, listener: Callable[[str], Awaitable[None]]) -> None:
    """As `hear`, for those who only want to know where something was said."""

    async def heard(message: NatsMessage) -> None:
        await listener(message.raw_message.subject)

    hear(broker, subject, heard)


async def _undecoded(message: NatsMessage) -> NatsMessage:
    return message

"""Copies of one service tell each other which order they took, so that a copy that lost one unnoticed lets go.

Used by `standing_orders`. A server that comes back from a crash may hand an order to a second copy although the
first one's heartbeats arrive; the later delivery wins. Sent on a subject below the user's own inbox, which nobody but
the copies of the service may use. Only a hint that makes an overlap short: writes are fenced by the world itself.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from faststream.nats import NatsBroker
from faststream.nats.message import NatsMessage
from nats.nuid import NUID

from tidegate_chassis import hearing, jetstream
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.message import Message

_log = structlog.get_logger(__name__)


class Claim(msgspec.Struct, frozen=True):
    copy: str
    subject: str
    revision: int
    deliveries: int


_DECODER: Final = msgspec.json.Decoder(Claim)


class Claims:
    """Args:
    connection: To speak through.
    broker: To hear through; must not have been started yet.
    listener: Called with each claim of another copy.
    """

    def __init__(self, connection: Connection, broker: NatsBroker, listener: Callable[[Claim], None]) -> None:
        self._connection = connection
        self._listener = listener
        self._subject = f"{connection.inbox_prefix}.claims"
        self._copy = NUID().next().decode()
        hearing.hear(broker, self._subject, self._on_message)

    async def tell(self, message: Message, revision: int) -> None:
        claim = Claim(copy=self._copy, subject=message.subject, revision=revision, deliveries=message.deliveries)
        try:
            await jetstream.send(self._connection, self._subject, msgspec.json.encode(claim))
        except OperatingError as error:
            _log.debug("a claim was not told", reason=error.reason)

    async def _on_message(self, heard: NatsMessage) -> None:
        claim = _DECODER.decode(heard.raw_message.data)
        if claim.copy != self._copy:
            self._listener(claim)

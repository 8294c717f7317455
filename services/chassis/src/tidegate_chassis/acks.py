"""What can be said to the server about one delivered message: done, working, not now, never.

Made by `pull` for each delivery; used by `delivery` and `standing_orders`. An ack that can't be sent is not an
error: the message comes again, and everything that handles messages bears that.
"""

from typing import Final

import structlog

from tidegate_chassis import jetstream
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError
from tidegate_contracts.limits import REASON_LENGTH_MAX
from tidegate_contracts.problem import printable

_DONE: Final = b"+ACK"
_WORKING: Final = b"+WPI"
_NANOSECONDS: Final = 1_000_000_000

_log = structlog.get_logger(__name__)


class Receipt:
    """Where to answer one delivery."""

    __slots__ = ("_connection", "_reply")

    def __init__(self, connection: Connection, reply: str) -> None:
        self._connection = connection
        self._reply = reply

    async def done(self) -> None:
        await self._say(_DONE)

    async def working(self) -> None:
        """Restarts the ack_wait; raises `Transient` where it can't be sent."""
        await jetstream.send(self._connection, self._reply, _WORKING)

    async def still_working(self, timeout_s: float) -> None:
        """As `working`, and waits for the consumer to have heard it, and with it all that was said before."""
        await jetstream.request(self._connection, self._reply, _WORKING, timeout_s=timeout_s)

    async def later(self, delay_s: float) -> None:
        """Redelivered after the delay, to whoever pulls; at once where it is 0."""
        delay = b' {"delay": %d}' % int(delay_s * _NANOSECONDS) if delay_s > 0 else b""
        await self._say(b"-NAK" + delay)

    async def never(self, reason: str) -> None:
        """Not delivered again; the reason shows in the server's advisory."""
        await self._say(b"+TERM " + printable(reason)[:REASON_LENGTH_MAX].encode())

    async def _say(self, what: bytes) -> None:
        try:
            await jetstream.send(self._connection, self._reply, what)
        except OperatingError as error:
            _log.debug("an ack was not sent", what=what.decode(), reason=error.reason)

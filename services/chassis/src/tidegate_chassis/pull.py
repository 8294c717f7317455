"""One pull loop for every durable consumer: messages at once, bounded in flight, and no way to freeze or spin.

`delivery` and `standing_orders` run it and are called for each message the instant it arrives. It asks for as many
messages as its owner has room for, hears the server's idle heartbeats, and asks anew, on a new inbox, whenever it
has heard nothing for too long or the connection was made again. A deleted consumer ends it loudly.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Final

import structlog
from nats.aio.msg import Msg

from tidegate_chassis import consumers, jetstream, telemetry
from tidegate_chassis.acks import Receipt
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError, Transient
from tidegate_chassis.message import Message, received
from tidegate_contracts.topology import Consumer

EXPIRES_S: Final = 3.0
"""A copy that vanishes without a word leaves a request behind that swallows what is delivered to it: it has to be over
before the orders that the copy held are delivered again (their ack_wait of 5 s less one heartbeat)."""
IDLE_HEARTBEAT_S: Final = 1.0
SILENCE_MAX_S: Final = 2.5
"""Two missed heartbeats: the request is lost, whatever became of it."""
BATCH_MAX: Final = 500
ONLINE_LOOK_S: Final = 0.5
"""How often a pull that waits for the server looks whether it is to stop."""
REFUSAL_WAIT_S: Final = (0.05, 0.25, 1.0, 2.0)
_NANOSECONDS: Final = 1_000_000_000

_STATUS: Final = "Status"
_DESCRIPTION: Final = "Description"
_HEARTBEAT: Final = "100"
_NO_MESSAGES: Final = "404"
_EXPIRED: Final = "408"
_NO_RESPONDERS: Final = "503"

_log = structlog.get_logger(__name__)
Deliver = Callable[[Message, Receipt], None]


class Pull:
    """Args:
    connection: Whose reconnections start a new pull.
    consumer: The durable, which must exist and have the filters and ack_wait that the topology says.
    room: How many further messages the owner takes now.
    deliver: Called for each message; it must only start work.
    """

    def __init__(
        self, connection: Connection, consumer: Consumer, *, room: Callable[[], int], deliver: Deliver
    ) -> None:
        self._connection = connection
        self._consumer = consumer
        self._room = room
        self._deliver = deliver
        self._wake = asyncio.Event()
        self._stopping = False
        self._stale = False
        self._outstanding = 0
        self._refusals = 0
        self._suspicious = False
        self._heard_s = 0.0
        self._waiting_for: str | None = "the consumer has not been looked at yet"
        connection.on_reconnected(self._on_reconnected)

    def problem(self) -> str | None:
        """Why nothing would be heard, for readiness."""
        return self._waiting_for

    def wake(self) -> None:
        """There may be room again."""
        self._wake.set()

    def stop(self) -> None:
        """Nothing further is delivered after `run` has returned."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Returns after `stop`; raises Permanent when the consumer is gone or is not the one that the topology says."""
        await self._look()
        while not self._stopping:
            if not await self._is_online():
                continue
            inbox = self._connection.client.new_inbox()
            try:
                subscription = await jetstream.subscribed(self._connection, inbox, self._on_message)
            except OperatingError as error:
                await self._refused(error.reason)
                continue
            try:
                await self._pull_into(inbox)
            finally:
                await jetstream.unsubscribed(subscription)

    async def _pull_into(self, inbox: str) -> None:
        """Pulls on one inbox until it is no longer to be trusted."""
        self._outstanding = 0
        self._stale = False
        while True:
            self._wake.clear()
            if self._suspicious:
                await self._look()
            if self._stopping or self._stale:
                return
            room = min(self._room(), BATCH_MAX)
            if self._outstanding == 0 and room > 0:
                await self._ask(inbox, room)
            if not await self._woken():
                telemetry.PULL_RESTARTS.labels(self._consumer.name, "silence").inc()
                _log.warning("nothing heard from the consumer, asking anew", consumer=self._consumer.name)
                self._waiting_for = f"consumer {self._consumer.name} answers nothing"
                await self._connection.prove()
                return

    async def _is_online(self) -> bool:
        try:
            await self._connection.online(ONLINE_LOOK_S)
        except Transient:
            return False
        return True

    async def _woken(self) -> bool:
        """False when a request is outstanding and nothing was heard for too long."""
        loop = asyncio.get_running_loop()
        while not self._wake.is_set():
            patience_s = self._heard_s + SILENCE_MAX_S - loop.time() if self._outstanding else None
            if patience_s is not None and patience_s <= 0:
                return False
            try:
                async with asyncio.timeout(patience_s):
                    await self._wake.wait()
            except TimeoutError:
                continue
        return True

    async def _ask(self, inbox: str, batch: int) -> None:
        request = {
            "batch": batch,
            "expires": int(EXPIRES_S * _NANOSECONDS),
            "idle_heartbeat": int(IDLE_HEARTBEAT_S * _NANOSECONDS),
        }
        subject = f"{jetstream.API}.CONSUMER.MSG.NEXT.{self._consumer.stream}.{self._consumer.name}"
        try:
            await jetstream.send(self._connection, subject, json.dumps(request).encode(), reply=inbox)
        except OperatingError as error:
            self._stale = True
            await self._refused(error.reason)
            return
        self._outstanding = batch
        self._heard_s = asyncio.get_running_loop().time()

    async def _on_message(self, raw: Msg) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        status = (raw.headers or {}).get(_STATUS) if not raw.reply else None
        if status is not None:
            await self._on_status(status, raw)
            return
        self._calm()
        self._outstanding = max(0, self._outstanding - 1)
        if self._outstanding == 0:
            self._wake.set()
        self._deliver(received(raw), Receipt(self._connection, raw.reply))

    async def _on_status(self, status: str, raw: Msg) -> None:
        if status == _HEARTBEAT:
            self._calm()
            return
        description = (raw.headers or {}).get(_DESCRIPTION, "no responders" if status == _NO_RESPONDERS else "")
        if status not in (_EXPIRED, _NO_MESSAGES):
            telemetry.PULL_RESTARTS.labels(self._consumer.name, status).inc()
            self._suspicious = True
            await self._refused(f"{status} {description}")
        self._outstanding = 0
        self._wake.set()

    def _calm(self) -> None:
        self._refusals = 0
        self._waiting_for = None

    async def _refused(self, why: str) -> None:
        """Waits ever longer, so that a refusal can't become a hot loop."""
        wait_s = REFUSAL_WAIT_S[min(self._refusals, len(REFUSAL_WAIT_S) - 1)]
        self._refusals += 1
        if self._refusals > 1:
            self._waiting_for = f"consumer {self._consumer.name}: {why}"
        _log.info("a pull was refused", consumer=self._consumer.name, reason=why, wait_s=wait_s)
        await asyncio.sleep(wait_s)

    async def _look(self) -> None:
        """Waits for the consumer to be there; a consumer that was there and is deleted ends the service."""
        await consumers.verified(
            self._connection,
            self._consumer,
            was_there=self._suspicious,
            waiting=self._tell,
            stopping=lambda: self._stopping,
        )
        self._suspicious = False
        self._waiting_for = None

    def _tell(self, why: str) -> None:
        self._waiting_for = why

    def _on_reconnected(self) -> None:
        self._stale = True
        self._wake.set()

"""Wake-up calls: the orchestrator asks the bus to send it a message later; only a hint, the history says what is due.

One timer per workload, on a subject of its own: setting it again replaces it. The server sends it up to 0.25 s late,
never early, and at once where the time is past. Only the orchestrator may publish here: a schedule speaks with the
server's voice.
"""

import datetime as dt
from typing import Final

from tidegate_chassis import jetstream, telemetry
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_contracts import subjects
from tidegate_contracts.codec import encode, tag_of
from tidegate_contracts.envelope import MESSAGE_ID, Envelope
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.workload import WorkloadKey

TIMER_TIMEOUT_S: Final = 2.0
DUE_KEPT: Final = "24h"
"""A due message that nobody took for this long is stale: a sweep has found what it was about."""
SCHEDULE: Final = "Nats-Schedule"
TARGET: Final = "Nats-Schedule-Target"
DUE_TTL: Final = "Nats-Schedule-TTL"
ROLLUP: Final = "Nats-Rollup"
TTL: Final = "Nats-TTL"


class Timers:
    def __init__(self, connection: Connection, service: str, clock: Clock) -> None:
        self._connection = connection
        self._service = service
        self._clock = clock

    async def set(self, key: WorkloadKey, due: TimerDue) -> None:
        """Sends `due` on the workload's due subject at its time, instead of what was set before.

        Raises:
            Transient: it is not set.
            UnknownOutcome: it may be set; setting it again is harmless.
        """
        moment = dt.datetime.fromtimestamp(due.due_s, tz=dt.UTC).isoformat().replace("+00:00", "Z")
        envelope = Envelope(
            id=f"timer:{key}:{due.rollout}:{due.revision}:{due.due_s}",
            type=tag_of(due),
            source=self._service,
            time_s=self._clock.now_s(),
            traceparent=telemetry.traceparent(),
        )
        headers = envelope.headers() | {SCHEDULE: f"@at {moment}", TARGET: subjects.timer_due(key), DUE_TTL: DUE_KEPT}
        # A timer that is set, cancelled and set again to the same moment is no repetition.
        del headers[MESSAGE_ID]
        await self._publish(key, encode(due), headers)

    async def cancel(self, key: WorkloadKey) -> None:
        """Nothing is sent for the workload any more; errors as in `set`. A message that is on its way still comes."""
        # Purging is nobody's right: an empty message takes the schedule's place, and goes by itself.
        await self._publish(key, b"", {ROLLUP: "sub", TTL: "1s"})

    async def _publish(self, key: WorkloadKey, payload: bytes, headers: dict[str, str]) -> None:
        await jetstream.publish(self._connection, subjects.timer(key), payload, headers, timeout_s=TIMER_TIMEOUT_S)

"""What a worker's copies leave for each other about a workload: the newest message counts, and may be lost.

Used by a holder that would rather not begin again when it takes an order over. Sent without asking for an answer, since
it is sent often and nothing is decided on its having arrived; kept in the server's memory, read from the leader.
"""

from typing import Final

import structlog

from tidegate_chassis import jetstream, reading
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError, Transient
from tidegate_contracts import subjects
from tidegate_contracts.subjects import Service
from tidegate_contracts.topology import PROGRESS
from tidegate_contracts.workload import WorkloadKey

KEEPSAKE_BYTES_MAX: Final = 128 * 1024

_log = structlog.get_logger(__name__)


class Keepsakes:
    """Of one service."""

    def __init__(self, connection: Connection, service: Service) -> None:
        self._connection = connection
        self._service = service

    async def put(self, key: WorkloadKey, payload: bytes) -> None:
        """Sent if it can be sent now, and dropped otherwise."""
        if not self._connection.is_online or len(payload) > KEEPSAKE_BYTES_MAX:
            _log.debug("nothing was left for a successor", workload=str(key), bytes=len(payload))
            return
        try:
            await jetstream.send(self._connection, subjects.progress(self._service, key), payload)
        except Transient as error:
            _log.debug("nothing was left for a successor", workload=str(key), reason=error.reason)

    async def get(self, key: WorkloadKey) -> bytes | None:
        """What was put last; None where nothing was, or where it can't be read now."""
        subject = subjects.progress(self._service, key)
        try:
            found = await reading.one(self._connection, PROGRESS, {"last_by_subj": subject})
        except OperatingError as error:
            _log.info("what an earlier holder left can't be read", workload=str(key), reason=error.reason)
            return None
        return None if found is None else found.payload

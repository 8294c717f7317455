"""The connections that a run keeps for the requests to come."""

from tidegate_sandbox.load.exchange import Connection


class Pool:
    def __init__(self, size: int) -> None:
        self._size = size
        self._free: dict[Connection, None] = {}
        """Those with room for a request, the one that waited longest first."""

    def take(self) -> Connection | None:
        """One with room for a request; it has to be kept again."""
        while self._free:
            connection = next(iter(self._free))
            del self._free[connection]
            if connection.has_room():
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        """As long as it has room, and unless there are enough."""
        if connection in self._free or not connection.has_room():
            return
        if len(self._free) < self._size:
            self._free[connection] = None
        else:
            connection.retire()

    def forget(self, connection: Connection) -> None:
        self._free.pop(connection, None)

    def close(self) -> None:
        """Keep none any more."""
        self._size = 0
        for connection in tuple(self._free):
            connection.retire()
        self._free.clear()

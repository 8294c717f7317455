"""An open-loop run: requests leave at a constant rate, whether or not the ones before were answered.

`__main__` runs it for the command line; tests and the bench use `LoadRun` themselves. A slow target makes requests
late, never fewer: that is what its users would see.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from tidegate_sandbox.load.connection import LoadConnection
from tidegate_sandbox.load.response import Response
from tidegate_sandbox.load.tally import Counts, Record, Summary, Tally, Window

WINDOW_S: Final = 0.1
CONNECTIONS_MAX: Final = 1_000
CATCH_UP_MAX_S: Final = 1.0
"""A generator that was stopped for longer does not send what it missed in one burst."""


class Plan(Struct, frozen=True, kw_only=True):
    """What to send where."""

    url: str
    rate_per_s: float
    duration_s: float | None = None
    """None is until stopped."""
    host_header: str = ""
    connections: int = 16
    """Connections kept; more are opened while all of them wait for an answer."""
    new_connection_percent: float = 5.0
    """Share of requests that arrive on a connection of their own."""
    timeout_s: float = 5.0


class LoadRun:
    def __init__(
        self,
        plan: Plan,
        on_window: Callable[[Window], None] | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> None:
        target = urlsplit(plan.url)
        if target.scheme != "http" or not target.hostname:
            raise ValueError(f"the URL {plan.url!r} must be http://HOST[:PORT][/PATH]")
        if plan.rate_per_s <= 0 or plan.connections < 1:
            raise ValueError("the rate and the number of connections must be above 0")
        self._plan = plan
        self._address = (target.hostname, target.port or 80)
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        head = f"GET {path} HTTP/1.1\r\nhost: {plan.host_header or target.netloc}\r\n"
        self._request = f"{head}\r\n".encode()
        self._last_request = f"{head}connection: close\r\n\r\n".encode()
        self._on_window = on_window
        self._on_record = on_record
        self._idle: deque[LoadConnection] = deque()
        self._busy: set[LoadConnection] = set()
        self._connecting: dict[asyncio.Task[None], float] = {}
        self._fresh_share = 0.0
        self._stopping = asyncio.Event()
        self._next = 0
        self._loop: asyncio.AbstractEventLoop
        self._began_s = 0.0
        self._tally = Tally(0.0)

    @property
    def totals(self) -> Counts:
        """Everything counted so far; live while the run goes on."""
        return self._tally.totals

    @property
    def in_flight(self) -> int:
        return len(self._busy) + len(self._connecting)

    def stop(self) -> None:
        """Send no more; `run` returns when the rest is answered."""
        self._stopping.set()

    async def run(self) -> Summary:
        """Send until the plan's end or `stop`, wait for the last answers, and sum up."""
        self._loop = asyncio.get_running_loop()
        await self._resolve()
        self._tally = Tally(time.time())
        self._began_s = self._loop.time()
        self._tick()
        await self._until_over()
        sent_for_s = self._elapsed_s()
        self._stopping.set()
        while self.in_flight:
            await self._window()
        self._close_idle()
        if self._on_window is not None:
            self._on_window(self._tally.next_window(self._elapsed_s(), 0))
        return self._tally.summary(sent_for_s, self._plan.rate_per_s)

    async def _resolve(self) -> None:
        host, port = self._address
        found = await self._loop.getaddrinfo(host, port, type=1)
        self._address = (str(found[0][4][0]), port)

    async def _until_over(self) -> None:
        while not self._stopping.is_set():
            if self._plan.duration_s is not None and self._elapsed_s() >= self._plan.duration_s:
                return
            await self._window()

    async def _window(self) -> None:
        """One window's time, then its report."""
        ends_s = self._tally.window.elapsed_s + WINDOW_S
        await asyncio.sleep(max(0.0, ends_s - self._elapsed_s()))
        self._give_up_on_late_ones()
        closed = self._tally.next_window(max(ends_s, self._elapsed_s() - WINDOW_S), self.in_flight)
        if self._on_window is not None:
            self._on_window(closed)

    def _elapsed_s(self) -> float:
        return self._loop.time() - self._began_s

    def _tick(self) -> None:
        if self._stopping.is_set():
            return
        now_s = self._elapsed_s()
        rate_per_s, end_s = self._plan.rate_per_s, self._plan.duration_s
        missed = int((now_s - CATCH_UP_MAX_S) * rate_per_s) - self._next
        if missed > 0:
            self._tally.not_sent(missed)
            self._next += missed
        while (due_s := self._next / rate_per_s) <= now_s and (end_s is None or due_s < end_s):
            self._fire(due_s)
            self._next += 1
        self._loop.call_at(self._began_s + due_s, self._tick)

    def _fire(self, due_s: float) -> None:
        self._fresh_share += self._plan.new_connection_percent
        if self._fresh_share >= 100.0:  # noqa: PLR2004  percent
            self._fresh_share -= 100.0
            self._connect(due_s, self._last_request)
            return
        while self._idle:
            connection = self._idle.popleft()
            if connection.usable():
                self._send(connection, self._request, due_s)
                return
        self._connect(due_s, self._request)

    def _send(self, connection: LoadConnection, request: bytes, due_s: float) -> None:
        self._busy.add(connection)
        connection.send(request, due_s)
        self._tally.sent()

    def _connect(self, due_s: float, request: bytes) -> None:
        if self.in_flight >= CONNECTIONS_MAX:
            self._tally.not_sent(1)
            return
        task = self._loop.create_task(self._connect_and_send(due_s, request))
        self._connecting[task] = due_s
        task.add_done_callback(self._connecting.pop)

    async def _connect_and_send(self, due_s: float, request: bytes) -> None:
        host, port = self._address
        try:
            async with asyncio.timeout(self._plan.timeout_s):
                _, connection = await self._loop.create_connection(lambda: LoadConnection(self), host, port)
        except (OSError, TimeoutError):
            self._tally.sent()
            self._over(Record(due_s=due_s, latency_s=self._elapsed_s() - due_s, failure="connect"))
            return
        if connection.usable():
            self._send(connection, request, due_s)
        else:
            self._tally.sent()
            self._over(Record(due_s=due_s, latency_s=self._elapsed_s() - due_s, failure="reset"))

    def _give_up_on_late_ones(self) -> None:
        limit_s = self._elapsed_s() - self._plan.timeout_s
        for connection in tuple(self._busy):
            if connection.due_s is not None and connection.due_s < limit_s:
                connection.fail("timeout")

    def answered(self, connection: LoadConnection, response: Response) -> None:
        self._finish(connection, status=response.status, version=response.version)
        keep = response.keep_alive and connection.usable() and len(self._idle) < self._plan.connections
        if keep and not self._stopping.is_set():
            self._idle.append(connection)
        else:
            connection.close()

    def failed(self, connection: LoadConnection, kind: str) -> None:
        self._finish(connection, failure=kind)

    def idle_closed(self, connection: LoadConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def _finish(
        self, connection: LoadConnection, status: int = 0, version: str | None = None, failure: str | None = None
    ) -> None:
        due_s = connection.due_s
        assert due_s is not None
        connection.due_s = None
        self._busy.discard(connection)
        self._over(
            Record(
                due_s=due_s,
                latency_s=self._elapsed_s() - due_s,
                status=status,
                version=version,
                failure=failure,
                reused_connection=connection.requests > 1,
            )
        )

    def _over(self, record: Record) -> None:
        self._tally.finished(record)
        if self._on_record is not None:
            self._on_record(record)

    def _close_idle(self) -> None:
        for connection in tuple(self._idle):
            connection.close()
        self._idle.clear()

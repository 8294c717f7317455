"""An open-loop run: requests leave at a constant rate, whether or not the ones before were answered.

`__main__` runs it for the command line; tests and the bench use `LoadRun` themselves. A slow target makes requests
late, never fewer: that is what its users would see.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from tidegate_sandbox.load.exchange import Connection, HttpVersion, Request, Target
from tidegate_sandbox.load.http1 import Http1Connection
from tidegate_sandbox.load.http2 import Http2Connection
from tidegate_sandbox.load.pool import Pool
from tidegate_sandbox.load.tally import Counts, Record, Summary, Tally, Window

WINDOW_S: Final = 0.1
LOOP_TURNS_TO_HEAR: Final = 6
"""From a connection that the kernel has to asyncio's word for it; an answer takes two."""

CATCH_UP_MAX_S: Final = 1.0
"""A generator that was stopped for longer does not send what it missed in one burst."""


Connected = tuple[asyncio.BaseTransport, Http1Connection | Http2Connection]


class Plan(Struct, frozen=True, kw_only=True):
    """What to send where."""

    url: str
    rate_per_s: float
    duration_s: float | None = None
    """None is until stopped."""
    host_header: str = ""
    http_version: HttpVersion = "1.1"
    connections: int = 256
    """Connections kept; more are opened while all of them are busy. Those of HTTP/2 carry many requests at once."""
    new_connection_percent: float = 5.0
    """Share of requests that arrive on a connection of their own."""
    requests_max: int = 1_000
    """Under way at once; what is due beyond is not sent."""
    timeout_s: float = 5.0
    """From when it was sent: what passed before was our own delay."""


class LoadRun:
    def __init__(
        self,
        plan: Plan,
        on_window: Callable[[Window], None] | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> None:
        url = urlsplit(plan.url)
        if url.scheme != "http" or not url.hostname:
            raise ValueError(f"the URL {plan.url!r} must be http://HOST[:PORT][/PATH]")
        if plan.rate_per_s <= 0 or plan.connections < 1:
            raise ValueError("the rate and the number of connections must be above 0")
        self._plan = plan
        self._address = (url.hostname, url.port or 80)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._target = Target(plan.host_header or url.netloc, path)
        self._on_window = on_window
        self._on_record = on_record
        self._pool = Pool(plan.connections)
        self._under_way: set[Request] = set()
        self._connecting: dict[asyncio.Task[Connected], float] = {}
        """Connections under way, and since when."""
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
        return len(self._under_way) + len(self._connecting)

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
        self._pool.close()
        while self.in_flight:
            await self._window()
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
        await self._give_up_on_late_ones()
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
        if self.in_flight >= self._plan.requests_max:
            self._tally.not_sent(1)
            return
        self._fresh_share += self._plan.new_connection_percent
        if self._fresh_share >= 100.0:  # noqa: PLR2004  percent
            self._fresh_share -= 100.0
            self._connect(due_s, last=True)
        elif (connection := self._pool.take()) is not None:
            self._send(connection, due_s, last=False)
        else:
            self._connect(due_s, last=False)

    def _send(self, connection: Connection, due_s: float, *, last: bool) -> None:
        request = Request(connection, due_s, self._elapsed_s(), reused_connection=connection.requests > 0)
        self._under_way.add(request)
        connection.send(request, last=last)
        self._tally.sent()
        if not last:
            self._pool.keep(connection)

    def _connect(self, due_s: float, *, last: bool) -> None:
        task = self._loop.create_task(self._loop.create_connection(self._connection, *self._address))
        begun_s = self._connecting[task] = self._elapsed_s()
        task.add_done_callback(partial(self._connected, due_s=due_s, begun_s=begun_s, last=last))

    def _connected(self, task: "asyncio.Task[Connected]", *, due_s: float, begun_s: float, last: bool) -> None:
        del self._connecting[task]
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, OSError | asyncio.CancelledError):
            raise error
        connection = task.result()[1] if error is None else None
        if connection is not None and connection.usable():
            self._send(connection, due_s, last=last)
        else:
            self._tally.sent()
            self._over(due_s, begun_s, failure="connect" if connection is None else "reset")

    def _connection(self) -> Http1Connection | Http2Connection:
        kind = Http2Connection if self._plan.http_version == "2" else Http1Connection
        return kind(self, self._target)

    async def _give_up_on_late_ones(self) -> None:
        limit_s = self._elapsed_s() - self._plan.timeout_s
        late = [request for request in self._under_way if request.sent_s < limit_s]
        unconnected = [task for task, begun_s in self._connecting.items() if begun_s < limit_s]
        if late or unconnected:
            await self._hear_what_came()
        for request in late:
            if request in self._under_way:
                request.connection.give_up(request, "timeout")
        for task in unconnected:
            task.cancel()

    async def _hear_what_came(self) -> None:
        """What the kernel has for us is there: on a busy machine it is we who are late."""
        for _ in range(LOOP_TURNS_TO_HEAR):
            await asyncio.sleep(0)

    def answered(self, request: Request, status: int, version: str | None) -> None:
        self._finish(request, status=status, version=version)
        self._pool.keep(request.connection)

    def failed(self, request: Request, kind: str) -> None:
        self._finish(request, failure=kind)

    def gone(self, connection: Connection) -> None:
        self._pool.forget(connection)

    def _finish(
        self, request: Request, status: int = 0, version: str | None = None, failure: str | None = None
    ) -> None:
        self._under_way.discard(request)
        self._over(request.due_s, request.sent_s, status, version, failure, reused_connection=request.reused_connection)

    def _over(
        self,
        due_s: float,
        sent_s: float,
        status: int = 0,
        version: str | None = None,
        failure: str | None = None,
        *,
        reused_connection: bool = False,
    ) -> None:
        record = Record(
            due_s=due_s,
            sent_late_s=sent_s - due_s,
            latency_s=self._elapsed_s() - due_s,
            status=status,
            version=version,
            failure=failure,
            reused_connection=reused_connection,
        )
        self._tally.finished(record)
        if self._on_record is not None:
            self._on_record(record)

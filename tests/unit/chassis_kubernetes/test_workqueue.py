import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs
from support.until import until

from tidegate_chassis.errors import Conflict, OperatingError, Permanent, Transient, UnknownOutcome
from tidegate_chassis.kubernetes.retry import Backoff
from tidegate_chassis.kubernetes.workqueue import WorkQueue

Handle = Callable[[str], Awaitable[float | None]]


@asynccontextmanager
async def running(handle: Handle, workers: int = 4) -> AsyncIterator[WorkQueue[str]]:
    queue = WorkQueue(handle, workers=workers, name="test", backoff=Backoff(first_s=0.01, max_s=0.05))
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if isinstance(handle, Recorder):
        assert not handle.overlapping, "two calls for one key at a time"


class Recorder:
    """Notes each call; a gate holds the calls, `outcomes` are raised or returned in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.active: list[str] = []
        self.active_max = 0
        self.overlapping: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.outcomes: list[BaseException | float | None] = []

    async def __call__(self, key: str) -> float | None:
        if key in self.active:
            self.overlapping.append(key)
        self.calls.append(key)
        self.active.append(key)
        self.active_max = max(self.active_max, len(self.active))
        try:
            await self.gate.wait()
        finally:
            self.active.remove(key)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


async def test_a_key_added_many_times_before_its_turn_is_handled_once() -> None:
    handle = Recorder()
    async with running(handle) as queue:
        for _ in range(10):
            queue.add("a")
        queue.add("b")
        await until(lambda: "b" in handle.calls)
        assert handle.calls == ["a", "b"]


async def test_a_key_added_during_its_own_call_is_handled_once_more_and_never_twice_at_once() -> None:
    handle = Recorder()
    handle.gate.clear()
    async with running(handle) as queue:
        queue.add("a")
        await until(lambda: handle.active == ["a"])
        queue.add("a")
        queue.add("a")
        assert len(queue) == 1
        handle.gate.set()
        await until(lambda: len(handle.calls) == 2 and not handle.active)
        assert handle.calls == ["a", "a"]


async def test_many_keys_are_handled_side_by_side_up_to_the_number_of_workers() -> None:
    handle = Recorder()
    handle.gate.clear()
    async with running(handle, workers=3) as queue:
        for number in range(9):
            queue.add(f"key-{number}")
        await until(lambda: len(handle.active) == 3)
        handle.gate.set()
        await until(lambda: len(handle.calls) == 9)
        assert handle.active_max == 3


@pytest.mark.parametrize("error", [Transient("busy"), Conflict("stale"), UnknownOutcome("silence")], ids=repr)
async def test_what_may_work_later_is_tried_again(error: OperatingError) -> None:
    handle = Recorder()
    handle.outcomes = [error, error]
    async with running(handle) as queue:
        queue.add("a")
        await until(lambda: len(handle.calls) == 3)
        await until(lambda: not queue._failures)


async def test_the_time_that_was_asked_for_is_waited() -> None:
    handle = Recorder()
    handle.outcomes = [Transient("busy", delay_s=0.3)]
    loop = asyncio.get_running_loop()
    async with running(handle) as queue:
        queue.add("a")
        await until(lambda: handle.calls)
        started_at_s = loop.time()
        await until(lambda: len(handle.calls) == 2)
        assert loop.time() - started_at_s >= 0.25


async def test_what_can_never_work_waits_until_something_changes() -> None:
    handle = Recorder()
    handle.outcomes = [Permanent("no", code="forbidden")]
    async with running(handle) as queue:
        with capture_logs() as logs:
            queue.add("a")
            await until(lambda: logs)
        assert logs[0]["event"] == "queue.given_up"
        assert not queue._wake_ups
        queue.add("a")
        await until(lambda: len(handle.calls) == 2)


async def test_a_bug_in_one_key_is_told_and_stops_no_other() -> None:
    handle = Recorder()
    handle.outcomes = [ZeroDivisionError("a bug")]
    async with running(handle, workers=1) as queue:
        with capture_logs() as logs:
            queue.add("a")
            queue.add("b")
            await until(lambda: "b" in handle.calls)
        assert logs[0]["event"] == "queue.bug"
        await until(lambda: handle.calls.count("a") == 2)


async def test_a_handler_may_ask_to_be_called_again_later() -> None:
    handle = Recorder()
    handle.outcomes = [0.05, None]
    async with running(handle) as queue:
        queue.add("a")
        await until(lambda: handle.calls == ["a", "a"])


async def test_of_two_wake_ups_the_earlier_one_counts() -> None:
    handle = Recorder()
    async with running(handle) as queue:
        queue.add_after("a", 0.05)
        queue.add_after("a", 30.0)
        assert len(queue._wake_ups) == 1
        await until(lambda: handle.calls == ["a"])
        assert not queue._wake_ups


async def test_a_forgotten_key_is_not_handled() -> None:
    handle = Recorder()
    async with running(handle, workers=1) as queue:
        queue.add("a")
        queue.add_after("a", 0.01)
        queue.forget("a")
        queue.add("b")
        await until(lambda: handle.calls)
        assert handle.calls == ["b"]


async def test_a_key_forgotten_and_added_again_is_handled_once() -> None:
    handle = Recorder()
    async with running(handle, workers=2) as queue:
        queue.add("a")
        queue.forget("a")
        queue.add("a")
        await until(lambda: handle.calls and not handle.active)
        queue.add("b")
        await until(lambda: "b" in handle.calls)
        assert handle.calls == ["a", "b"]

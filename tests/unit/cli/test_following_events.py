"""A follower that is interrupted ends, at whatever moment the interrupt comes."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.aio.msg import Msg

from tidegate_cli.bus import Bus
from tidegate_cli.stored import Events

NOTHING_MORE = cast("Msg", SimpleNamespace(headers={"Status": "404"}, data=b""))


class AnswerThatMeetsTheInterrupt:
    """A subscription whose answer comes in the very moment in which the asking task is cancelled."""

    async def next_msg(self, timeout: float) -> Msg:  # noqa: ASYNC109 - the client library's own signature
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        answer: asyncio.Future[Msg] = loop.create_future()
        loop.call_soon(answer.set_result, NOTHING_MORE)
        loop.call_soon(task.cancel)
        return await asyncio.wait_for(answer, timeout)

    async def unsubscribe(self) -> None:
        pass


class QuietBus:
    """As much of a bus as a follower needs: a history without events, of which nobody tells anything new."""

    settings = SimpleNamespace(timeout_s=5.0, server="nats://nowhere")

    def __init__(self) -> None:
        self.client = self
        self.asked = 0

    def new_inbox(self) -> str:
        return "inbox"

    async def subscribe(self, _subject: str, *_hear: Any) -> AnswerThatMeetsTheInterrupt:
        return AnswerThatMeetsTheInterrupt()

    async def publish(self, _subject: str, _payload: bytes, _reply: str) -> None:
        self.asked += 1

    async def request(self, _subject: str, _payload: bytes) -> Msg:
        return NOTHING_MORE


async def test_an_interrupt_that_meets_an_answer_ends_the_following() -> None:
    bus = QuietBus()

    async def follow() -> None:
        async for _ in Events(cast("Bus", bus)).follow("tidegate.events.>"):
            pass

    following = asyncio.create_task(follow())
    done, _ = await asyncio.wait({following}, timeout=5)
    assert done
    with pytest.raises(asyncio.CancelledError):
        await following
    assert bus.asked == 1

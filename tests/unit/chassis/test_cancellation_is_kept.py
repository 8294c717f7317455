"""A task that is cancelled just as its answer arrives ends; `wait_for` forgets it before Python 3.12."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tidegate_chassis import jetstream


class _Client:
    """Answers at once, and the asker is cancelled in the same turn of the loop."""

    def __init__(self) -> None:
        self.asker: asyncio.Task[Any] | None = None

    async def request(self, *_message: object, **_options: object) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def arrive() -> None:
            assert self.asker is not None
            answer.set_result("answer")
            self.asker.cancel()

        asyncio.get_running_loop().call_soon(arrive)
        return await asyncio.wait_for(answer, timeout=5)


async def _online(timeout_s: float) -> None:
    """It is."""


async def test_a_cancellation_that_meets_the_answer_is_not_forgotten() -> None:
    client = _Client()
    connection: Any = SimpleNamespace(client=client, online=_online)
    client.asker = asyncio.create_task(jetstream.request(connection, "subject", b""))
    with pytest.raises(asyncio.CancelledError):
        await client.asker

"""Saying something and hearing what becomes of it: an answer is the first decision that names our message.

Used by `commands.ask` and `commands.steer`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec
from nats.aio.msg import Msg

from tidegate_cli.bus import Bus
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.stored import decoded
from tidegate_contracts import subjects
from tidegate_contracts.codec import encode, tag_of
from tidegate_contracts.decisions import Decision
from tidegate_contracts.envelope import Envelope


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`unheard`: published, and no right to hear the answer. `silent`: no answer in time. `known`: said before."""

    outcome: Literal["decided", "silent", "unheard", "known"]
    decision: Decision | None = None


async def publish(
    bus: Bus,
    subject: str,
    message: msgspec.Struct,
    *,
    id: str,  # noqa: A002 - CloudEvents' name
    now_s: float,
    more: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Stores a message as this user's, with `more` headers; False where the stream had it already."""
    source = f"tidegate-cli/{bus.settings.user}" if bus.settings.user else "tidegate-cli"
    envelope = Envelope(id=id, type=tag_of(message), source=source, time_s=now_s)
    return await bus.publish(subject, encode(message), {**envelope.headers(), **more})


async def say(
    bus: Bus,
    subject: str,
    message: msgspec.Struct,
    rollouts: tuple[str, ...],
    *,
    id: str,  # noqa: A002 - CloudEvents' name
    now_s: float,
) -> Answer:
    """Publishes a request or a control, and waits for the decision on it, in the history of one of these rollouts."""
    settings = bus.settings
    decided: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()

    async def hear(heard: Msg) -> None:
        event = decoded(heard.data)
        if isinstance(event, Decision) and event.cause == id and not decided.done():
            decided.set_result(event)

    wanted = [subjects.find_rollout(settings.cluster, settings.namespace, rollout) for rollout in rollouts]
    hears = all([await _subscribed(bus, one, hear) for one in wanted])
    if not await publish(bus, subject, message, id=id, now_s=now_s):
        return Answer(outcome="known")
    if not hears:
        return Answer(outcome="unheard")
    try:
        return Answer(outcome="decided", decision=await asyncio.wait_for(decided, settings.timeout_s))
    except TimeoutError:
        return Answer(outcome="silent")


async def _subscribed(bus: Bus, subject: str, hear: Callable[[Msg], Awaitable[None]]) -> bool:
    """Whether this user may hear the events; publishing is worth something without it."""
    try:
        await bus.subscribe(subject, hear)
    except CommandError as error:
        if error.code is not Exit.NOT_PERMITTED:
            raise
        return False
    return True

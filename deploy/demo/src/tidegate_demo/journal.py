"""What the bus said during the run: every event and telemetry message, decoded, in the order of the stream.

`listening` fills a `Listener` as an outsider would, with the operator's rights; it survives a kill of the server.
The view, the summary and the bench read times and outcomes from it; the functions on a rollout's events are pure.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from tidegate_cli.bus import Bus, open_bus
from tidegate_cli.errors import CommandError
from tidegate_cli.settings import Settings
from tidegate_cli.stored import Events
from tidegate_contracts import codec, subjects
from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.dead import DeadLetter
from tidegate_contracts.decisions import TERMINAL, Decision, StepCompleted, StepStarted
from tidegate_contracts.facts import AnalysisConcluded, TrafficShifted
from tidegate_contracts.telemetry import AnyTelemetry
from tidegate_sandbox.state import SandboxState

CONNECT_TIMEOUT_S: Final = 5
PING_INTERVAL_S: Final = 10
RETRY_S: Final = 0.2


class Listener:
    """All events of the run, and the telemetry that came while somebody listened."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.telemetry: list[AnyTelemetry] = []
        self._news = asyncio.Event()

    def of(self, rollout: str) -> list[AnyEvent]:
        return [event for event in self.events if event.rollout == rollout]

    async def heard(self) -> None:
        """Returns when one more event has come."""
        self._news.clear()
        await self._news.wait()

    async def follow(self, bus: Bus) -> None:
        """Reads every event once, for ever; while the server is away it asks again."""
        sequence = await Events(bus).last_sequence()
        while True:
            with suppress(CommandError):
                async for stored in Events(bus).follow(subjects.ALL_EVENTS, after=sequence):
                    sequence = stored.sequence
                    if stored.event is not None:
                        self.events.append(stored.event)
                        self._news.set()
            await asyncio.sleep(RETRY_S)

    async def observe(self, message: Msg) -> None:
        self.telemetry.append(codec.telemetry_decoder.decode(message.data))


@asynccontextmanager
async def listening(
    state: SandboxState, on_dead: Callable[[DeadLetter], None] = lambda _letter: None
) -> AsyncIterator[Listener]:
    """Everything that is said from now on."""
    settings = Settings(server=state.nats_url, user="operator", password=state.nats_passwords["operator"])
    listener = Listener()
    async with open_bus(settings) as bus:
        await bus.subscribe(subjects.ALL_TELEMETRY, listener.observe)
        await bus.subscribe(subjects.ALL_DEAD, partial(_bury, on_dead))
        following = asyncio.create_task(listener.follow(bus))
        try:
            yield listener
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


@asynccontextmanager
async def requester(state: SandboxState) -> AsyncIterator[Client]:
    """A plain client of a team's pipeline, which may listen in an inbox of its own only."""
    client = await nats.connect(
        state.nats_url,
        user="requester",
        password=state.nats_passwords["requester"],
        name="tidegate-demo-requester",
        inbox_prefix=b"_INBOX_requester",
        connect_timeout=CONNECT_TIMEOUT_S,
        ping_interval=PING_INTERVAL_S,
        max_reconnect_attempts=-1,
        error_cb=_reconnecting,
    )
    try:
        yield client
    finally:
        await client.close()


async def _bury(on_dead: Callable[[DeadLetter], None], message: Msg) -> None:
    on_dead(codec.dead_decoder.decode(message.data))


async def _reconnecting(_error: Exception) -> None:
    """The tests kill the server on purpose; the client reconnects by itself."""


def terminal(events: Iterable[AnyEvent]) -> Decision | None:
    """The event that ended the rollout."""
    return next((event for event in events if isinstance(event, TERMINAL)), None)


def step_durations_s(events: Iterable[AnyEvent]) -> dict[int, float]:
    """From a step's start to its completion."""
    started: dict[int, float] = {}
    durations: dict[int, float] = {}
    for event in events:
        if isinstance(event, StepStarted):
            started.setdefault(event.step, event.at_s)
        elif isinstance(event, StepCompleted) and event.step in started:
            durations[event.step] = event.at_s - started[event.step]
    return durations


def verdict_to_safe_s(events: Iterable[AnyEvent]) -> float | None:
    """From the failing verdict to weight 0 accepted by the proxy; None where there was no such verdict."""
    failed_at_s: float | None = None
    for event in events:
        if isinstance(event, AnalysisConcluded) and event.verdict == "fail" and failed_at_s is None:
            failed_at_s = event.at_s
        elif isinstance(event, TrafficShifted) and event.weight_percent == 0 and failed_at_s is not None:
            return event.accepted_at_s - failed_at_s
    return None

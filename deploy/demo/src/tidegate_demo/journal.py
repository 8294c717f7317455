"""What the bus said during the run: every event and telemetry message, decoded, in the order of arrival.

`Listener` fills it as an outsider would, with a plain NATS client and the operator's rights. The view, the summary and
the bench read times and outcomes from it; the functions on a rollout's events are pure.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from tidegate_contracts import codec, subjects
from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import TERMINAL, Decision, StepCompleted, StepStarted
from tidegate_contracts.facts import AnalysisConcluded, TrafficShifted
from tidegate_contracts.telemetry import AnyTelemetry
from tidegate_sandbox.state import SandboxState

CONNECT_TIMEOUT_S: Final = 5
PING_INTERVAL_S: Final = 10


class Listener:
    """Hears all events and telemetry from the moment it was started."""

    def __init__(self, on_message: Callable[[], None] = lambda: None) -> None:
        self.events: list[AnyEvent] = []
        self.telemetry: list[AnyTelemetry] = []
        self._on_message = on_message

    async def listen(self, client: Client) -> None:
        await client.subscribe(subjects.ALL_EVENTS, cb=self._event)
        await client.subscribe(subjects.ALL_TELEMETRY, cb=self._measured)
        await client.flush()

    def of(self, rollout: str) -> list[AnyEvent]:
        return [event for event in self.events if event.rollout == rollout]

    async def _event(self, message: Msg) -> None:
        self.events.append(codec.event_decoder.decode(message.data))
        self._on_message()

    async def _measured(self, message: Msg) -> None:
        self.telemetry.append(codec.telemetry_decoder.decode(message.data))
        self._on_message()


async def connect(state: SandboxState, user: str, *, inside: bool = False) -> Client:
    """A plain client of that user, who may listen in an inbox of its own only."""
    return await nats.connect(
        state.nats_url_inside if inside else state.nats_url,
        user=user,
        password=state.nats_passwords[user],
        name=f"tidegate-demo-{user}",
        inbox_prefix=f"_INBOX_{user}".encode(),
        connect_timeout=CONNECT_TIMEOUT_S,
        ping_interval=PING_INTERVAL_S,
        max_reconnect_attempts=-1,
        error_cb=_ignore_while_down,
    )


async def _ignore_while_down(_error: Exception) -> None:
    """The tests kill the server on purpose; the client reconnects by itself."""


Publish = Callable[[str, bytes], Awaitable[None]]


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

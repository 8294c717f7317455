"""What the chassis hands a service: its name, settings and parts, and where it registers what runs.

Made by `service.run` (or by a test) and given to the service's `compose`; `delivery` and `standing_orders` take it
whole, so that a composition root names each part once.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from faststream.nats import NatsBroker

from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.health import Health
from tidegate_chassis.journal import Journal
from tidegate_chassis.publish import Publisher
from tidegate_chassis.settings import Settings
from tidegate_chassis.timers import Timers
from tidegate_contracts.subjects import Service


class Worker(Protocol):
    """Something that runs as long as the service does."""

    async def run(self) -> None:
        """Runs until it is stopped; raising, or returning before `stop`, ends the service."""
        ...

    async def stop(self) -> None:
        """Ends `run`, and returns when all that it started has ended or was handed over."""
        ...


class Context:
    def __init__(
        self,
        name: Service,
        settings: Settings,
        *,
        clock: Clock,
        connection: Connection,
        broker: NatsBroker,
        health: Health,
    ) -> None:
        self.name = name
        self.settings = settings
        self.clock = clock
        self.connection = connection
        self.broker = broker
        self.health = health
        self.publisher = Publisher(connection, name, clock)
        self.journal = Journal(connection, name, clock)
        self.timers = Timers(connection, name, clock)
        self.workers: list[Worker] = []

    def add(self, worker: Worker) -> None:
        self.workers.append(worker)

    def background(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """A worker made of one function that runs until it is cancelled."""
        self.add(_Loop(name, loop))


class _Loop:
    def __init__(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._loop = loop

    async def run(self) -> None:
        await self._loop()

    async def stop(self) -> None:
        """The service cancels what still runs after all workers were stopped."""

    def __repr__(self) -> str:
        return f"the loop {self.name}"

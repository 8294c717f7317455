"""A service's life: settings, logs and health first, then the bus, then its workers; and all of it back, in order.

Each service's `main` calls `run` with its `compose`, which opens the service's own resources and registers workers on
the `Context`. `/livez` and `/readyz` answer from the first moment, while the bus is still being waited for. SIGTERM
stops gracefully with status 0; a worker that ends by itself, or a connection closed for good, ends the process with
status 1, for its supervisor to start it anew.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NoReturn

import structlog
import uvloop

from tidegate_chassis import broker as brokers
from tidegate_chassis import logs, telemetry
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.context import Context, Worker
from tidegate_chassis.health import Health
from tidegate_chassis.http import Server
from tidegate_chassis.settings import Settings
from tidegate_contracts.subjects import Service

__all__ = ["Compose", "Context", "Settings", "Worker", "run"]

Compose = Callable[[Context], AbstractAsyncContextManager[None]]
FAILED: Final = 1
READY_LOOK_S: Final = 0.02

_log = structlog.get_logger(__name__)


def run(name: Service, settings: Settings, compose: Compose) -> NoReturn:
    """Runs the service until it is told to stop, and exits."""
    logs.configure(name, settings.log_level)
    telemetry.configure(name, settings.otlp_endpoint)
    # What was imported stays for the process's life: a full collection need not stop everything to walk it.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(serve(name, settings, compose))
    sys.exit(status)


async def serve(name: Service, settings: Settings, compose: Compose) -> int:
    """As `run`, in a loop that is there already; returns the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    context = make_context(name, settings)
    http = Server(context.health.application, settings.http_host, settings.http_port)
    serving = asyncio.create_task(http.serve())
    try:
        return await _live(context, compose, stop, serving)
    finally:
        http.should_exit = True
        await asyncio.wait({serving})


def make_context(name: Service, settings: Settings) -> Context:
    """The parts of a service, not connected yet."""
    connection = brokers.make_connection(name, settings)
    broker = brokers.make_broker(connection, settings)
    health = Health()
    health.check("bus", connection.problem)
    return Context(name, settings, clock=SystemClock(), connection=connection, broker=broker, health=health)


async def _live(context: Context, compose: Compose, stop: asyncio.Event, serving: asyncio.Task[None]) -> int:
    connection, broker = context.connection, context.broker
    _log.info("starting", settings=repr(context.settings))
    async with compose(context):
        connecting = asyncio.create_task(brokers.start(broker, connection))
        ending: list[asyncio.Task[Any]] = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(connection.closed.wait()),
            serving,
        ]
        await asyncio.wait({connecting, *ending}, return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            connecting.cancel()
            return 0 if stop.is_set() else FAILED
        await connecting
        try:
            return await _work(context, stop, ending)
        finally:
            await brokers.stop(broker, connection)


async def _work(context: Context, stop: asyncio.Event, ending: Sequence[asyncio.Task[Any]]) -> int:
    """Runs the workers until one of them, or something else, ends; then stops them all."""
    tasks = {asyncio.create_task(worker.run()): worker for worker in context.workers}
    _log.info("working", workers=[repr(worker) for worker in context.workers])
    announcing = asyncio.create_task(_announce(context))
    await asyncio.wait({*tasks, *ending}, return_when=asyncio.FIRST_COMPLETED)
    announcing.cancel()
    for task, worker in tasks.items():
        if task.done():
            _log.error("a worker ended by itself", worker=repr(worker), exc_info=task.exception())
    await _stop(context, list(tasks))
    return 0 if stop.is_set() else FAILED


async def _announce(context: Context) -> None:
    """Says once, for whoever reads logs, what `/readyz` says for whoever asks."""
    while context.health.problems():
        await context.clock.sleep(READY_LOOK_S)
    _log.info("ready")


async def _stop(context: Context, tasks: list[asyncio.Task[None]]) -> None:
    """Stops every worker, one that failed too: what it began may still be going on."""
    _log.info("stopping")
    try:
        async with asyncio.timeout(context.settings.stop_timeout_s):
            for result in await asyncio.gather(*(worker.stop() for worker in context.workers), return_exceptions=True):
                if isinstance(result, BaseException):
                    _log.error("a worker did not stop well", exc_info=result)
    except TimeoutError:
        _log.error("workers did not stop in time", timeout_s=context.settings.stop_timeout_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

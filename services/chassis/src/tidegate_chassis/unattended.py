"""Releases that nobody ordered: everything is given back though the bus, or who decides, may be gone for good.

The workload-controller and the traffic-shifter find by their marks what they hold, and hand it here with their own
holder: `python -m tidegate_traffic_shifter give-back`, then the same of the workload-controller (docs/uninstall.md). No
lease guards what is written, so no copy of the service may run beside it; the marks' own fence still counts.
"""

import argparse
import asyncio
import sys
from collections.abc import Coroutine, Iterable
from typing import Any, Final, NamedTuple, NoReturn

import structlog

from tidegate_chassis import logs
from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, OperatingError, Transient, UnknownOutcome
from tidegate_chassis.holding import HeldOrder, Holder, Lease
from tidegate_chassis.message import Message
from tidegate_chassis.settings import Settings
from tidegate_contracts.facts import AnyFact
from tidegate_contracts.orders import ReleaseTraffic, ReleaseWorkload
from tidegate_contracts.subjects import Service
from tidegate_contracts.telemetry import AnyTelemetry
from tidegate_contracts.workload import WorkloadKey

AT_ONCE_MAX: Final = 20
"""Objects that are given back at the same time."""

AGAIN_AFTER_S: Final = 0.5
TIMEOUT_DEFAULT_S: Final = 300.0
FOR_EVER_S: Final = 1e9

_log = structlog.get_logger(__name__)


class Release(NamedTuple):
    """What is to be given back, and the order that does it."""

    key: WorkloadKey
    order: ReleaseWorkload | ReleaseTraffic


class Heard:
    """In the place of the bus: facts are logged, and the last of each workload is remembered."""

    def __init__(self) -> None:
        self.last: dict[WorkloadKey, AnyFact] = {}

    async def report(self, key: WorkloadKey, fact: AnyFact, *, cause: str = "", id: str | None = None) -> int:  # noqa: A002 - the Publisher's own name for it
        del cause, id
        self.last[key] = fact
        _log.info("reported", workload=str(key), fact=type(fact).__name__)
        return 0

    async def observe(self, key: WorkloadKey, rollout: str, progress: AnyTelemetry) -> None:
        """Nobody looks on."""


def command_line(service: Service) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The service's arguments, and those of its one command: none to serve, `give-back` to give all back and end."""
    parser = argparse.ArgumentParser(prog=f"tidegate-{service}", description=f"Without arguments: serve as {service}.")
    commands = parser.add_subparsers(dest="command")
    help_text = (
        "give back all that is held in the cluster, without the bus, and end; run no copy of the service beside it"
    )
    give_back = commands.add_parser("give-back", help=help_text, description=help_text)
    give_back.add_argument("--timeout-s", type=float, default=TIMEOUT_DEFAULT_S, help="for each object")
    return parser, give_back


def end(service: Service, settings: Settings, giving_back: Coroutine[Any, Any, list[str]]) -> NoReturn:
    """Runs it, tells what went wrong, and ends the process: with status 0 where everything was given back."""
    logs.configure(service, settings.log_level)
    problems = asyncio.run(giving_back)
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    sys.exit(1 if problems else 0)


async def give_back(
    holder: Holder[Any], heard: Heard, releases: Iterable[Release], *, clock: Clock, timeout_s: float
) -> list[str]:
    """Carries all of them out, and returns what went wrong, a line each."""
    places = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(release: Release) -> str:
        async with places:
            problem = await _carry_out(holder, release, clock, timeout_s)
        if not problem:
            _log.info("given back", workload=str(release.key))
            return ""
        said = heard.last.get(release.key)
        return f"{release.key}: {problem}" + (f"; last: {said}" if said is not None else "")

    return [problem for problem in await asyncio.gather(*map(one, releases)) if problem]


async def _carry_out(holder: Holder[Any], release: Release, clock: Clock, timeout_s: float) -> str:
    held = _held(release, clock)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    await holder.hold(held)
                except (Transient, UnknownOutcome, Conflict) as error:
                    _log.warning("tried again", workload=str(release.key), reason=error.reason)
                    await clock.sleep(AGAIN_AFTER_S)
                else:
                    return ""
    except TimeoutError:
        return f"not given back within {timeout_s:g} s"
    except OperatingError as error:
        return error.reason


def _held(release: Release, clock: Clock) -> HeldOrder[Any]:
    message = Message(
        subject="", payload=b"", headers={}, stream="", sequence=0, deliveries=1, time_s=clock.now_s(), id="unattended"
    )
    lease = Lease(clock, ack_wait_s=FOR_EVER_S, since_s=clock.monotonic_s())
    return HeldOrder(release.key, release.order, release.order.revision, message, lease)

"""`python -m tidegate_sandbox.supervisor SETTINGS`: process 1 of a sandbox, started by `sandbox.up`.

Prepares the network, opens the doors, carries out the plan, reports on the pipe, then keeps everything alive until
it is told to end. It ends by ending: the kernel takes down whatever is left in its namespaces.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from tidegate_sandbox import files, netlink
from tidegate_sandbox.addresses import FORWARDED, POD_RANGE
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.parts import steps_of
from tidegate_sandbox.parts.context import Context, open_context
from tidegate_sandbox.supervisor import control, forward, plan
from tidegate_sandbox.supervisor.children import Children
from tidegate_sandbox.supervisor.keeper import Keeper
from tidegate_sandbox.supervisor.settings import Report, Settings
from tidegate_sandbox.supervisor.steps import Process


def main() -> None:
    started = time.monotonic()
    settings = files.decode(Path(sys.argv[1]).read_bytes(), Settings)
    netlink.prepare_namespace(POD_RANGE)
    asyncio.run(supervise(settings, Reporter(settings.report_descriptor, started)))


class Reporter:
    """The pipe to whoever waits for the sandbox; when the reader goes away before it is up, so do we."""

    def __init__(self, descriptor: int, started: float) -> None:
        self._descriptor: int | None = descriptor
        self._started = started

    def ready(self, step: str) -> None:
        self._send(Report(step=step, elapsed_s=self._elapsed_s))

    def up(self) -> None:
        self._send(Report(up=True, elapsed_s=self._elapsed_s))
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def failed(self, error: SandboxError) -> None:
        self._send(Report(failure=str(error), elapsed_s=self._elapsed_s))

    @property
    def _elapsed_s(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _send(self, report: Report) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, msgspec.json.encode(report) + b"\n")
        except BrokenPipeError:
            end_now()


async def supervise(settings: Settings, reporter: Reporter) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end_now)
    if settings.owner_descriptor is not None:
        # A pidfd becomes readable when its process has ended.
        loop.add_reader(settings.owner_descriptor, end_now)
    async with open_context(settings) as context:
        try:
            doors = await run_parts(context, Children(loop), reporter)
        except SandboxError as error:
            reporter.failed(error)
            return
        reporter.up()
        await asyncio.gather(*(door.serve_forever() for door in doors))


async def run_parts(context: Context, children: Children, reporter: Reporter) -> list[asyncio.Server]:
    settings = context.settings
    steps = steps_of(context)
    keepers = {step.name: Keeper(step, children, settings.directory) for step in steps if isinstance(step, Process)}
    doors = [await control.listen(settings.directory / "control.sock", keepers)]
    for name, descriptor in settings.door_descriptors.items():
        doors.append(await forward.open_door(descriptor, FORWARDED[name]))
    await plan.carry_out(steps, keepers, reporter.ready)
    return doors


def end_now() -> None:
    """Everything in the sandbox ends with this process; there is nothing to save."""
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

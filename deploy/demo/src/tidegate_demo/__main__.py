"""`make demo`: sandbox up, services started, two rollouts shown live, a summary, and everything gone again.

Exit codes: 0 every promise kept, 1 a promise broken, 2 the demo itself could not run, 130 interrupted.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from tidegate_demo import story, summary
from tidegate_demo.scenario import prepared
from tidegate_demo.stack import StackError, running_stack
from tidegate_demo.story import Outcome
from tidegate_demo.view import Screen
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.sandbox import down, up
from tidegate_sandbox.state import SandboxState

FRAMES_PER_S: Final = 5
KEPT, BROKEN, FAULT, INTERRUPTED = 0, 1, 2, 130
SVG_WIDTH: Final = 118
LOOK_AROUND: Final = """\
The sandbox is left up. Look around from another terminal:
  source {environment}
  tidegate list; tidegate show web-v3; tidegate history web-v3; tidegate events --follow
  kubectl get deployments,pods,httproutes -o wide
  curl -H 'Host: web.example' {proxy}/
NATS is at {nats}, user operator (NATS_USER and NATS_PASSWORD are in the file above), Prometheus at {prometheus}.
Ctrl-C here stops the services and takes the sandbox down."""


async def run(state: SandboxState, console: Console, *, keep: bool) -> Outcome:
    """Both rollouts on a sandbox that is up, drawn while they run."""
    console.print("starting the services …")
    async with running_stack(state) as stack:
        ready = ", ".join(f"{name} {stack[name].ready_after_s:.1f} s" for name in sorted(stack.names))
        console.print(f"ready after: {ready}")
        console.print("deploying web v1 and sending 200 requests/s through Envoy …")
        async with prepared(state, state.directory / "load.jsonl") as world:
            with Live(Screen(world), console=console, refresh_per_second=FRAMES_PER_S, vertical_overflow="visible"):
                outcome = await story.tell(world)
        console.print("" if console.is_terminal else "\n", end="")  # rich ends a display with a line on terminals only
        console.print(summary.render(outcome))
        if keep:
            console.print(_invitation(state))
            await _until_interrupted()
    return outcome


def _invitation(state: SandboxState) -> str:
    environment = state.directory / "environment"
    environment.write_text(
        f"export PATH={Path(sys.executable).parent}:$PATH\n"
        f"export KUBECONFIG={state.kubeconfig_path}\n"
        f"export TIDEGATE_NATS_URL={state.nats_url} TIDEGATE_NATS_USER=operator"
        f" TIDEGATE_NATS_PASSWORD={state.nats_passwords['operator']}\n",
        encoding="utf-8",
    )
    environment.chmod(0o600)
    return LOOK_AROUND.format(
        environment=environment, proxy=state.proxy_url, nats=state.nats_url, prometheus=state.prometheus_url
    )


async def _until_interrupted() -> None:
    await asyncio.Event().wait()


def _brought_up(name: str, console: Console) -> SandboxState:
    console.print("bringing the sandbox up: etcd, kube-apiserver, kube-controller-manager, Contour, Envoy, NATS, …")
    state = up(name, owner_pid=os.getpid())
    console.print(f"up after {state.up_after_s:.1f} s")
    return state


def _show(name: str, console: Console, *, keep: bool) -> int:
    """The whole demo on a sandbox of its own, which is gone afterwards, come what may."""
    outcome: Outcome | None = None
    try:
        outcome = asyncio.run(run(_brought_up(name, console), console, keep=keep))
    except* (SandboxError, StackError, TimeoutError) as group:
        for error in group.exceptions:
            console.print(f"[bold red]the demo could not run:[/] {escape(str(error))}", highlight=False)
    finally:
        down(name)
    if outcome is None:
        return FAULT
    return KEPT if outcome.kept else BROKEN


def main() -> int:
    parser = argparse.ArgumentParser(prog="tidegate_demo", description="The whole product on one machine.")
    parser.add_argument("--keep", action="store_true", help="leave everything up and say how to look around")
    parser.add_argument("--svg", type=Path, help="also save the end of the terminal as a picture")
    given = parser.parse_args()
    wide = given.svg is not None or not sys.stdout.isatty()
    console = Console(record=given.svg is not None, width=SVG_WIDTH if wide else None)
    began_s = time.monotonic()
    try:
        status = _show(f"demo-{os.getpid()}", console, keep=given.keep)
    except KeyboardInterrupt:
        return KEPT if given.keep else INTERRUPTED
    console.print(f"all in {time.monotonic() - began_s:.0f} s; everything is down again")
    if given.svg:
        console.save_svg(str(given.svg), title="make demo")
    return status


if __name__ == "__main__":
    sys.exit(main())

"""`make demo`: sandbox up, services started, two rollouts shown live, a summary, and everything gone again.

Exit codes: 0 every promise kept, 1 a promise broken, 2 the demo itself could not run.
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

from tidegate_demo import story, summary
from tidegate_demo.scenario import prepared
from tidegate_demo.stack import StackError, running_stack
from tidegate_demo.story import Outcome
from tidegate_demo.view import Screen
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.sandbox import down, up
from tidegate_sandbox.state import SandboxState

FRAMES_PER_S: Final = 5
KEPT, BROKEN, FAULT = 0, 1, 2
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="tidegate_demo", description="The whole product on one machine.")
    parser.add_argument("--keep", action="store_true", help="leave everything up and say how to look around")
    parser.add_argument("--svg", type=Path, help="also save the end of the terminal as a picture")
    given = parser.parse_args()
    console = Console(record=given.svg is not None, width=SVG_WIDTH if given.svg else None)
    name = f"demo-{os.getpid()}"
    began_s = time.monotonic()
    try:
        outcome = asyncio.run(run(_brought_up(name, console), console, keep=given.keep))
    except KeyboardInterrupt:
        return KEPT if given.keep else FAULT
    except (SandboxError, StackError, TimeoutError) as error:
        console.print(f"[bold red]the demo could not run:[/] {error}")
        return FAULT
    finally:
        down(name)
    console.print(f"all in {time.monotonic() - began_s:.0f} s; everything is down again")
    if given.svg:
        console.save_svg(str(given.svg), title="make demo")
    return KEPT if outcome.kept else BROKEN


if __name__ == "__main__":
    sys.exit(main())
